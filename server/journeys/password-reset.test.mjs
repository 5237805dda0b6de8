// A forgotten password (ui.md §2; acceptance 25, 45, 74).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { look, tab, walk } from './lib/browser.mjs';
import { arrive, at, authorization, clients, heading, identify, mailedCode, newestMail, people, signIn, stranger } from './lib/portico.mjs';

const { web } = clients;
const [nina, omar] = people;

async function ask(page, email) {
  await page.goto(authorization(web, { prompt: 'login' }));
  await identify(page, email);
  await page.getByRole('link', { name: 'Forgot your password?' }).click();
  await page.fill('#username', email);
  await page.click('#login-submit');
  await page.waitForSelector('#code');
}

test('a new password by the code in the mail goes on to the application, and ends what was open elsewhere', async (t) => {
  const elsewhere = await tab(t);
  await elsewhere.goto(at('/account'));
  await signIn(elsewhere, nina);
  await elsewhere.waitForSelector('#given-name');

  const page = await tab(t);
  await page.goto(authorization(web));
  await identify(page, nina.email);
  await page.getByRole('link', { name: 'Forgot your password?' }).click();
  await look(page, 'password-reset');
  await page.fill('#username', nina.email);
  await page.click('#login-submit');
  await page.waitForSelector('#code');
  await look(page, 'password-reset-sent');
  await page.fill('#code', await mailedCode(page, nina.email));
  await page.click('#login-submit');
  await page.waitForSelector('#password');
  await look(page, 'password-reset-new');
  await walk(page);
  const password = 'walnut ferry copper sundial';
  await page.fill('#password', password);
  await page.click('#login-submit');
  assert.ok((await arrive(page, web.redirect_uri)).searchParams.get('code'));

  await elsewhere.goto(at('/account'));
  assert.match(await heading(elsewhere), /^Sign in/);
  await signIn(elsewhere, { ...nina, password });
  await elsewhere.waitForSelector('#given-name');
});

test('a known and an unknown address see the same', async (t) => {
  const page = await tab(t);
  const seen = [];
  for (const email of [omar.email, stranger().email]) {
    await ask(page, email);
    seen.push((await page.locator('main').innerText()).replace(email, 'EMAIL'));
  }
  assert.equal(seen[0], seen[1]);
  assert.match(seen[0], /If there is an account for EMAIL/);
});

test('the link in the mail works in another browser, which ends at the application', async (t) => {
  const page = await tab(t);
  await ask(page, omar.email);
  const mailbox = await page.context().newPage();
  await (await newestMail(mailbox, omar.email)).click();
  await look(mailbox, 'mailbox-message');
  const link = await mailbox.frameLocator('iframe').getByRole('link').first().getAttribute('href');

  const phone = await tab(t, { width: 390 });
  await phone.goto(link);
  await phone.click('#login-submit');
  await phone.waitForSelector('#password');
  await phone.fill('#password', 'walnut ferry copper sundial');
  await phone.click('#login-submit');
  await phone.waitForFunction(() => !document.querySelector('#password'));
  assert.ok(await phone.locator('h1').count()); // the application has no sign-in endpoint, so it is a page of ours
});
