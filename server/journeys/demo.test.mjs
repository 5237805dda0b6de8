// The first ten minutes (ui.md §11; acceptance 11, 13, 83): somebody new signs up through Notes, opens Tasks without
// being asked, refreshes, and signs out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { look, tab, walk } from './lib/browser.mjs';
import { demo, heading, mailedCode, people, signIn, stranger } from './lib/portico.mjs';

test('somebody new signs up, uses both applications, and signs out everywhere', async (t) => {
  const page = await tab(t);
  const grace = stranger();

  await page.goto(demo);
  await look(page, 'demo-overview');
  await walk(page);
  await page.click('#open-notes');
  await look(page, 'demo-notes');
  await page.click('#sign-in');
  assert.equal(await heading(page), 'Sign in to Notes');
  await look(page, 'sign-in');

  await page.getByRole('link', { name: 'Create an account' }).click();
  assert.equal(await heading(page), 'Sign up for Notes');
  await look(page, 'sign-up');
  await page.fill('#name', grace.name);
  await page.fill('#username', grace.email);
  await page.fill('#password', grace.password);
  await page.click('#login-submit');

  await page.waitForSelector('#code');
  await look(page, 'verify-email');
  await page.fill('#code', '000000');
  await page.click('#login-submit');
  assert.match(await page.locator('#code-problem').innerText(), /That code is not right/);
  await page.fill('#code', await mailedCode(page, grace.email));
  await page.click('#login-submit');

  await page.waitForSelector('#sid');
  assert.equal(new URL(page.url()).origin, new URL(demo).origin);
  await look(page, 'demo-notes-signed-in');
  await walk(page);
  const sub = await page.locator('#sub').innerText();
  const sid = await page.locator('#sid').innerText();

  await page.click('#refresh');
  await page.waitForSelector('#refreshed');
  assert.equal(await page.locator('#sid').innerText(), sid);
  await look(page, 'demo-notes-refreshed');

  await page.click('#open-other');
  await page.waitForURL(`${demo}/tasks/`);
  assert.equal(await page.locator('#sub').innerText(), sub);
  assert.notEqual(await page.locator('#sid').innerText(), sid);
  await look(page, 'demo-tasks-signed-in');

  await page.click('#sign-out-everywhere');
  await page.waitForSelector('#logout-confirm');
  await look(page, 'sign-out');
  await page.check('#scope-everywhere');
  await page.click('#logout-confirm');
  await page.getByText('You are signed out of Tasks').waitFor();
  await look(page, 'demo-signed-out-everywhere');

  await page.goto(`${demo}/tasks/login`);
  assert.equal(await heading(page), 'Sign in to Tasks');
});

test('signing out of one application asks nothing and leaves the other', async (t) => {
  const page = await tab(t);
  await page.goto(`${demo}/notes/login`);
  await signIn(page, people[0]);
  await page.waitForSelector('#sid');
  await page.click('#open-other');
  await page.waitForURL(`${demo}/tasks/`);
  await page.click('#sign-out');
  await page.waitForSelector('#sign-in');
  await look(page, 'demo-tasks-signed-out');
  await page.goto(`${demo}/notes/`);
  await page.waitForSelector('#sid');
});
