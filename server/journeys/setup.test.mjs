// The first start (ui.md §11): the set-up link makes one operator, who finds what to do next.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { look, tab, walk } from './lib/browser.mjs';
import { at, heading, stranger } from './lib/portico.mjs';

test('the set-up link makes the first operator, once', async (t) => {
  const page = await tab(t);
  const grace = stranger();
  await page.goto(process.env.PORTICO_SETUP);
  assert.match(await heading(page), /^Create the first operator/);
  await look(page, 'setup');
  await walk(page);
  await page.fill('#name', grace.name);
  await page.fill('#username', grace.email);
  await page.fill('#password', grace.password);
  await page.click('#login-submit');
  await page.waitForURL((url) => url.pathname === '/admin');
  assert.match(await heading(page), /^You are in/);
  await look(page, 'welcome');
  await walk(page);

  const visitor = await tab(t);
  await visitor.goto(process.env.PORTICO_SETUP);
  await look(visitor, 'setup-used');
  assert.equal(await visitor.locator('#password').count(), 0);
  await visitor.goto(at('/admin'));
  assert.match(await heading(visitor), /^Sign in/);
  await look(visitor, 'operator-sign-in');
});

test('the mailbox is a page too', async (t) => {
  const page = await tab(t);
  await page.goto(at('/dev/mailbox'));
  await look(page, 'mailbox');
  await walk(page);
});
