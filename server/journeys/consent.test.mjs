// Consent for an application of somebody else, and the choice between accounts (ui.md §2; acceptance 16).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { look, tab, walk } from './lib/browser.mjs';
import { arrive, authorization, clients, heading, people, signIn } from './lib/portico.mjs';

const { web, partner } = clients;
const [nina, omar, pia] = people;

test('an application of somebody else asks once', async (t) => {
  const page = await tab(t);
  await page.goto(authorization(partner, { scope: 'openid profile email offline_access' }));
  await signIn(page, nina);
  await page.waitForSelector('#consent-accept');
  assert.equal(await heading(page), `Allow ${partner.name} to use your account?`);
  const text = await page.locator('main').innerText();
  assert.match(text, new RegExp(nina.email));
  assert.match(text, /see your email address/);
  assert.match(text, /stay signed in when you are away/);
  assert.match(text, new RegExp(new URL(partner.redirect_uri).hostname));
  await look(page, 'consent');
  await walk(page);
  await page.click('#consent-accept');
  assert.ok((await arrive(page, partner.redirect_uri)).searchParams.get('code'));

  await page.goto(authorization(partner));
  assert.ok((await arrive(page, partner.redirect_uri)).searchParams.get('code'));

  await page.goto(authorization(partner, { scope: 'openid profile email phone' })); // more than was allowed
  await page.waitForSelector('#consent-deny');
  await page.click('#consent-deny');
  assert.equal((await arrive(page, partner.redirect_uri)).searchParams.get('error'), 'access_denied');

  await page.goto(authorization(partner, { prompt: 'none', scope: 'openid phone' }));
  assert.equal((await arrive(page, partner.redirect_uri)).searchParams.get('error'), 'consent_required');
});

test('several accounts in one browser: choose, add, take off the list', async (t) => {
  const page = await tab(t);
  await page.goto(authorization(web));
  await signIn(page, omar);
  await arrive(page, web.redirect_uri);

  await page.goto(authorization(web, { prompt: 'select_account' }));
  assert.match(await heading(page), /^Choose an account/);
  await page.getByRole('button', { name: 'Use another account' }).click();
  await signIn(page, pia);
  await arrive(page, web.redirect_uri);

  await page.goto(authorization(web, { prompt: 'select_account' }));
  await look(page, 'choose-account');
  await walk(page);
  await page.getByRole('button', { name: omar.email }).click();
  assert.ok((await arrive(page, web.redirect_uri)).searchParams.get('code'));

  await page.goto(authorization(web, { prompt: 'select_account' }));
  await page.getByRole('link', { name: 'Remove an account from this list' }).click();
  await look(page, 'choose-account-remove');
  await page.getByRole('button', { name: pia.email }).click();
  await page.waitForFunction((email) => !document.body.innerText.includes(email), pia.email);
});
