// The dashboard with JavaScript switched off (ui.md §10). It is the last file on its server, as it moves the clock.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { screenshot, tab, walk } from './lib/browser.mjs';
import { create, enter, follow, open, operators, press, secret, within } from './lib/dashboard.mjs';
import { heading, issuer } from './lib/portico.mjs';

const tabOf = (page, name) => page.getByRole('navigation', { name: 'Scriptless' }).getByRole('link', { name }).click();

test('an application is created, changed and deleted', async (t) => {
  const page = await tab(t, { script: false });
  await enter(page, operators.owner);
  const client = await create(page, 'web', 'Scriptless', 'https://one.example/callback');
  await walk(page);
  await screenshot(page, 'without-script-dashboard-created');
  assert.ok(client.client_secret);
  await page.goBack();
  await page.goForward();
  assert.equal(await secret(page), undefined); // acceptance 48
  await follow(page, 'Go to the application');

  // Acceptance 18, 20, 22: what can't be registered is said at the field, and stays there to be mended.
  await tabOf(page, 'Redirects');
  const uris = page.locator('section').filter({ has: page.locator('#redirect-uri') });
  const add = uris.getByRole('button', { name: 'Add' });
  await page.fill('#redirect-uri', 'https://two.example/callback#part');
  await add.click();
  await uris.locator('#redirect-uri[aria-invalid=true]').waitFor();
  assert.match(await page.title(), /^Error: /);
  assert.equal(await page.inputValue('#redirect-uri'), 'https://two.example/callback#part');
  await screenshot(page, 'without-script-dashboard-redirect-refused');
  await page.fill('#redirect-uri', 'https://two.example/callback');
  await add.click();
  const line = (uri) => uris.getByRole('listitem').filter({ hasText: uri });
  await line('two.example').getByRole('button', { name: /^Make default/ }).click();
  await line('two.example').getByText('Default').waitFor();
  await line('one.example').getByRole('button', { name: /^Remove/ }).click();
  await line('one.example').waitFor({ state: 'detached' });

  // Acceptance 23: the tester says which part differs.
  await page.fill('#try', 'https://two.example/callback/');
  await page.locator('#tester').getByRole('button').click();
  await page.locator('#tester').getByRole('status').getByText(/path/i).first().waitFor();
  await walk(page);
  await screenshot(page, 'without-script-dashboard-redirects');

  await tabOf(page, 'Overview');
  await follow(page, 'Delete');
  assert.match(await heading(page), /^Delete Scriptless/);
  await page.fill('#confirm-name', 'Scriptless');
  await press(page, 'Delete application');
  await page.waitForURL(/\/applications\?/);
  assert.equal(await page.getByRole('link', { name: 'Scriptless', exact: true }).count(), 0);
});

test('the clocks say whom they end before they are saved', async (t) => {
  const page = await tab(t, { script: false });
  await enter(page, operators.owner);
  await open(page, 'Wiki');
  await page.getByRole('navigation', { name: 'Wiki' }).getByRole('link', { name: 'Sessions' }).click();
  assert.equal(await page.locator('tbody tr').count(), 3);

  // Acceptance 37: a contradiction names both values.
  const set = async (number, unit) => {
    await page.fill('#inactivity-timeout', number);
    await page.selectOption('#inactivity-timeout-unit', { label: unit });
    await press(page, 'Save');
  };
  await set('15', 'days');
  const problem = page.locator('#inactivity-timeout-problem');
  assert.match(await problem.innerText(), /15 days.+14 days/);
  await screenshot(page, 'without-script-dashboard-contradiction');

  // Acceptance 38: the effect that is shown is what happens.
  const moved = await page.request.post(`${issuer}/dev/clock`, { data: { offset_seconds: 2 * 3600 } });
  assert.ok(moved.ok(), await moved.text());
  await set('1', 'hours');
  await page.getByText('Saving ends 3 of 3 living sessions now.').waitFor();
  await walk(page);
  await screenshot(page, 'without-script-dashboard-effect');
  await page.goto(within('/applications'));
  await open(page, 'Wiki');
  await page.getByRole('navigation', { name: 'Wiki' }).getByRole('link', { name: 'Sessions' }).click();
  assert.equal(await page.locator('tbody tr').count(), 3, 'nothing was saved yet');

  await set('1', 'hours');
  await press(page, 'Save and end 3');
  await page.getByText('Nobody is signed in at present.').waitFor();
  await page.selectOption('#status', 'over');
  await press(page, 'Filter');
  assert.equal(await page.locator('tbody tr').count(), 3);
  assert.equal(await page.getByText(/away for|inactiv/i).count() > 0, true, 'the reason is said'); // acceptance 40
  await screenshot(page, 'without-script-dashboard-ended');
});
