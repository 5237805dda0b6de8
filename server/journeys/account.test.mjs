// The account page and signing out (ui.md §2; acceptance 62-64, 77).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { look, tab, walk } from './lib/browser.mjs';
import { arrive, at, authorization, clients, heading, people, signIn } from './lib/portico.mjs';

const { web, partner } = clients;
const [nina, omar, pia] = people;

test('the account shows and changes who she is', async (t) => {
  const page = await tab(t);
  await page.goto(at('/account'));
  await signIn(page, nina);
  await page.waitForSelector('#given-name');
  await look(page, 'account-profile');
  await walk(page);
  await page.fill('#name', 'Nina O.');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved.').waitFor();
  await page.reload();
  assert.equal(await page.inputValue('#name'), 'Nina O.');

  await page.getByRole('link', { name: 'Sign-in', exact: true }).click();
  await look(page, 'account-sign-in');
  await walk(page);
});

test('sessions are listed by application and end one by one', async (t) => {
  const page = await tab(t);
  for (const client of [web, partner]) {
    await page.goto(authorization(client));
    if (client === web) await signIn(page, omar);
    else await page.click('#consent-accept');
    await arrive(page, client.redirect_uri);
  }
  await page.goto(at('/account/sessions'));
  await page.getByRole('heading', { name: web.name, exact: true }).waitFor();
  await page.getByRole('heading', { name: partner.name, exact: true }).waitFor();
  await look(page, 'account-sessions');
  await walk(page);
  await page.locator('section', { has: page.getByRole('heading', { name: web.name, exact: true }) })
    .getByRole('button', { name: 'Sign out' }).first().click();
  await page.getByText('That session has ended.').waitFor();
  assert.match(await page.locator('section.ended').innerText(), new RegExp(web.name));

  await page.goto(at('/account/applications'));
  await look(page, 'account-applications');
  await page.getByRole('button', { name: 'Withdraw' }).click();
  await page.getByText('can no longer use your account').waitFor();
  await page.goto(authorization(partner));
  await page.waitForSelector('#consent-accept');
});

test('signing out from the account asks where, and then is done', async (t) => {
  const page = await tab(t);
  await page.goto(authorization(web));
  await signIn(page, pia);
  await arrive(page, web.redirect_uri);
  await page.goto(at('/account'));
  await page.getByRole('link', { name: 'Sign out', exact: true }).click();
  await page.waitForSelector('#logout-confirm');
  await walk(page);
  await page.check('#scope-browser');
  await page.click('#logout-confirm');
  await page.waitForFunction(() => document.querySelector('h1').textContent.startsWith('You are signed out'));
  await look(page, 'signed-out');
  await page.goto(at('/account'));
  assert.match(await heading(page), /^Sign in/);
});

test('without a hint the application cannot sign her out unasked, nor send her anywhere', async (t) => {
  const page = await tab(t);
  await page.goto(authorization(web));
  await signIn(page, pia);
  await arrive(page, web.redirect_uri);
  const farewell = new URL(at('/oauth2/logout'));
  farewell.search = new URLSearchParams({ client_id: web.client_id, post_logout_redirect_uri: 'http://127.0.0.1:9/' });
  await page.goto(farewell.href);
  assert.equal(new URL(page.url()).origin, new URL(at('/')).origin);
  assert.equal(await page.locator('a[href^="http://127.0.0.1:9"]').count(), 0);
  await page.goto(at('/account'));
  await page.waitForSelector('#given-name'); // still signed in
});
