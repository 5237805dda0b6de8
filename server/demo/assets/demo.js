// Improves pages that work without it: times in the reader's own zone, and a clock that counts down.

const today = new Date().toDateString();
for (const element of document.querySelectorAll("time[datetime]")) {
  const time = new Date(element.dateTime);
  const dateStyle = time.toDateString() === today ? undefined : "medium";
  element.textContent = time.toLocaleString(undefined, { dateStyle, timeStyle: "medium" });
}

const two = (n) => String(n).padStart(2, "0");
const day = 24 * 3600;
const clock = (s) => {
  if (s < 3600) return `${Math.floor(s / 60)}:${two(s % 60)}`;
  const hours = `${Math.floor(s % day / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
  return s < day ? hours : `${Math.floor(s / day)} d ${hours}`;
};

for (const element of document.querySelectorAll("[data-left]")) {
  const end = performance.now() + Number(element.dataset.left) * 1000;
  const text = element.querySelector(".time");
  const bar = element.querySelector("progress");
  const tick = () => {
    const left = Math.max(0, Math.round((end - performance.now()) / 1000));
    text.textContent = left ? clock(left) : element.dataset.over;
    bar.value = left;
    element.classList.toggle("expired", left === 0);
    if (left === 0) clearInterval(timer);
  };
  const timer = setInterval(tick, 1000);
  tick();
}
