// Chromium as a person uses it. Each file of tests has one browser, each tab a context of its own in which nobody is
// signed in. What a careful reader of the console would see fails the test: see tab.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after } from 'node:test';
import axeCore from 'axe-core';
import { chromium } from 'playwright-core';

const { CHROMIUM, SCREENSHOTS } = process.env;
const themes = ['light', 'dark'];
const widths = [390, 1280];

const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
after(() => browser.close());

// tab opens a page in a context of its own, closed when the test t ends. The test fails if meanwhile a page broke its
// Content-Security-Policy, threw an error, or asked a host for something that is neither this machine nor allowed (ui.md §12).
export async function tab(t, { theme = 'light', width = 1280, script = true, locale = 'en-GB', allowed = [] } = {}) {
  const context = await browser.newContext({
    colorScheme: theme, viewport: { width, height: 800 }, javaScriptEnabled: script, locale, timezoneId: 'Europe/Berlin',
    reducedMotion: 'reduce', // colours in between two themes would fail
  });
  context.setDefaultTimeout(10_000);
  const complaints = [];
  context.on('console', (message) => {
    if (/Content.Security.Policy/i.test(message.text())) complaints.push(message.text());
  });
  context.on('weberror', (error) => complaints.push(String(error.error())));
  context.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol.startsWith('http') && !['localhost', '127.0.0.1', '[::1]', ...allowed].includes(hostname)) {
      complaints.push(`request to ${request.url()}`);
    }
  });
  t.after(async () => {
    await context.close();
    assert.deepEqual(complaints, [], 'what the browser complained of');
  });
  return context.newPage();
}

// look examines a page as ui.md §12 asks of every page, and takes its picture, NAME-THEME-WIDTH.png, in both themes at
// both widths. A theme changes colours, a width the layout: axe sees each once.
export async function look(page, name) {
  await outline(page);
  await narrow(page);
  await each(page, async (shape) => {
    if (axed.includes(shape)) await axe(page);
    await picture(page, `${name}-${shape}`);
  });
}

const axed = ['light-1280', 'dark-390'];

// screenshot takes the same pictures of a page, also where script is off.
export async function screenshot(page, name) {
  await each(page, (shape) => picture(page, `${name}-${shape}`));
}

function picture(page, name) {
  return page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true, animations: 'disabled' });
}

// each calls visit with the page in each theme and width, and leaves it as it was.
async function each(page, visit) {
  const { width, height } = page.viewportSize();
  const dark = await page.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches);
  for (const theme of themes) {
    await page.emulateMedia({ colorScheme: theme });
    for (const w of widths) {
      await page.setViewportSize({ width: w, height });
      await visit(`${theme}-${w}`);
    }
  }
  await page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' });
  await page.setViewportSize({ width, height });
}

// axe fails on anything that breaks WCAG 2.2 A or AA or a best practice of axe's. It can't run in a tab without script.
export async function axe(page) {
  await page.evaluate(axeCore.source);
  const violations = await page.evaluate(async () => {
    const found = await globalThis.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
      rules: { 'target-size': { enabled: true } },
      resultTypes: ['violations'],
    });
    return found.violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.html} ${node.failureSummary}`));
  });
  assert.deepEqual(violations, [], `axe on ${page.url()}`);
}

// outline fails unless the page has a title, a language, one h1, and fields with equal id and name (ui.md §2).
async function outline(page) {
  const found = await page.evaluate(() => ({
    title: document.title !== '',
    lang: document.documentElement.lang !== '',
    headings: document.querySelectorAll('h1').length,
    misnamed: [...document.querySelectorAll('input:not([type=hidden], [type=radio]), select, textarea')]
      .filter((field) => field.id !== field.name).map((field) => field.outerHTML),
  }));
  assert.deepEqual(found, { title: true, lang: true, headings: 1, misnamed: [] }, `outline of ${page.url()}`);
}

// narrow fails if the page scrolls sideways at 320 px, which is also 1280 px at 400 % zoom (WCAG 2.2, 1.4.10).
async function narrow(page) {
  const before = page.viewportSize();
  await page.setViewportSize({ width: 320, height: 640 });
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  await page.setViewportSize(before);
  assert.ok(width <= 320, `${page.url()} is ${width} px wide in a window of 320`);
}

// walk presses Tab from the top of the page to its end. It fails unless that reaches each control once, in the order of
// the document, with a visible focus and nothing over it (ui.md §5). It returns a name for each stop.
export async function walk(page) {
  const expected = await page.evaluate(() => {
    const controls = document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]');
    const reachable = [...controls].filter((c) => c.tabIndex >= 0 && !c.matches(':disabled') && c.type !== 'hidden' && c.checkVisibility());
    // Of radio buttons with one name the keyboard stops at the chosen one, else at the first.
    const stops = reachable.filter((c) => {
      if (c.type !== 'radio') return true;
      const group = reachable.filter((other) => other.type === 'radio' && other.name === c.name && other.form === c.form);
      return c === (group.find((other) => other.checked) ?? group[0]);
    });
    globalThis.stops = stops;
    globalThis.stop = null;
    document.activeElement?.blur();
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute('tabindex');
    return stops.map((c) => c.outerHTML.slice(0, 120));
  });
  const reached = [];
  for (let presses = 0; presses < 5 * expected.length; presses++) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate(() => {
      const c = document.activeElement;
      if (!c || c === document.body) return null;
      const again = c === globalThis.stop; // a date has a stop for day, month, and year
      globalThis.stop = c;
      const box = c.getBoundingClientRect();
      const above = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
      // The ring may be drawn by the control, its label, or the card around it.
      const ringed = [c, ...(c.labels ?? []), c.parentElement].some((e) => {
        const { outlineStyle, outlineWidth } = getComputedStyle(e);
        return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
      });
      const covered = above && !c.contains(above) && !above.contains(c) && ![...(c.labels ?? [])].some((l) => l.contains(above));
      const faults = [ringed || 'no visible focus', !covered || 'covered'].filter((fault) => fault !== true);
      return { html: c.outerHTML.slice(0, 120), name: c.id || c.name || c.textContent.trim(), again, last: globalThis.stops.at(-1) === c, faults };
    });
    if (!stop) break;
    if (!stop.again) reached.push(stop);
    if (stop.last) break;
  }
  assert.deepEqual(reached.map((stop) => stop.html), expected, `Tab through ${page.url()}`);
  assert.deepEqual(reached.filter((stop) => stop.faults.length), [], `focus on ${page.url()}`);
  return reached.map((stop) => stop.name);
}
