// Everything once more with JavaScript switched off (ui.md §10).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { screenshot, tab, walk } from './lib/browser.mjs';
import { arrive, at, authorization, clients, demo, people, signIn, signUp, stranger } from './lib/portico.mjs';

const { web, partner } = clients;

test('sign up, consent, account and sign-out need no script', async (t) => {
  const page = await tab(t, { script: false });
  await page.goto(`${demo}/notes/`);
  await page.click('#sign-in');
  await walk(page);
  await screenshot(page, 'without-script-sign-in');
  await signUp(page, stranger());
  await page.waitForSelector('#sid');
  await page.click('#open-other');
  await page.waitForURL(`${demo}/tasks/`);

  await page.goto(authorization(partner));
  await page.click('#consent-accept');
  await arrive(page, partner.redirect_uri);

  for (const path of ['/account', '/account/sign-in', '/account/sessions', '/account/applications']) {
    assert.equal((await page.goto(at(path))).status(), 200);
    await walk(page);
    await screenshot(page, `without-script${path.replaceAll('/', '-')}`);
  }
  await page.goto(at('/sign-out'));
  await page.click('#logout-confirm');
  await page.getByRole('heading', { level: 1, name: /^You are signed out/ }).waitFor();
});

test('form_post has a button where no script submits it', async (t) => {
  const page = await tab(t, { script: false });
  await page.goto(authorization(web, { response_mode: 'form_post' }));
  await signIn(page, people[0]);
  await page.getByRole('button', { name: /^Continue to/ }).click();
  await arrive(page, web.redirect_uri);
  assert.match(await page.locator('#form').innerText(), /code=.+state=journey/);
});
