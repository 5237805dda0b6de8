// Two applications with different clocks side by side (acceptance 33, 34, 40; ui.md §11): a weekend passes, and one of them
// is still signed in while the other says why it isn't.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { look, tab, walk } from './lib/browser.mjs';
import { demo, heading, people, signIn } from './lib/portico.mjs';

const card = (page, name) => page.locator(`section.app.${name}`);

// seconds reads a clock of the overview.
async function seconds(page, id) {
  const [, days = 0, hours = 0, minutes, rest] = /^(?:(\d+) d )?(?:(\d+):)?(\d+):(\d\d)$/.exec(await page.locator(`#${id}-left`).innerText());
  return ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(rest);
}

async function near(page, id, want) {
  const got = await seconds(page, id);
  assert.ok(got <= want && got > want - 2 * minute, `${id} is at ${got} s, want about ${want}`);
}

const minute = 60, hour = 60 * minute, day = 24 * hour;

test('a weekend, and sixty days', async (t) => {
  const page = await tab(t);
  await page.goto(`${demo}/notes/login`);
  await signIn(page, people[0]);
  await page.waitForURL(`${demo}/notes/`);
  await page.click('#open-other');
  await page.waitForURL(`${demo}/tasks/`);
  await page.goto(demo);
  await look(page, 'demo-clocks');
  await walk(page);
  await near(page, 'notes-access', 5 * minute);
  await near(page, 'notes-session', 3 * day);
  await near(page, 'tasks-access', 5 * minute);
  await near(page, 'tasks-session', 60 * day);

  await page.click('#pass-hour');
  for (const name of ['notes', 'tasks']) await card(page, name).getByText('Still signed in').waitFor();
  await near(page, 'notes-session', 3 * day);

  await page.click('#pass-weekend');
  await card(page, 'notes').getByText('You were signed out of Notes because you were away for 3 days').waitFor();
  await card(page, 'tasks').getByText('Still signed in').waitFor();
  await near(page, 'tasks-session', 60 * day);
  await look(page, 'demo-weekend');

  // Portico says the same where she signs in again, and so does Notes.
  await page.click('#open-notes');
  await page.getByText('You were signed out of Notes because you were away for 3 days').waitFor();
  await look(page, 'demo-notes-away');
  await page.click('#sign-in');
  await page.getByText('You were signed out of Notes because you were away for 3 days').waitFor();
  await signIn(page, people[0]);
  await page.waitForURL(`${demo}/notes/`);
  assert.match(await heading(page), /^Notes for /);

  await page.goto(demo);
  await page.click('#pass-60-days');
  await card(page, 'notes').getByText('You were signed out of Notes because you were away for 3 days').waitFor();
  await card(page, 'tasks').getByText('You were signed out of Tasks because you were away for 60 days').waitFor();
});
