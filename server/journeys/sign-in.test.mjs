// Sign-in and sign-up on the hosted pages (ui.md §§1, 2, 4).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { look, tab, walk } from './lib/browser.mjs';
import { arrive, authorization, clients, heading, identify, mailedCode, newestMail, people, signIn, stranger } from './lib/portico.mjs';

const { web } = clients;
const [nina, omar] = people;

test('a known and an unknown address see the same', async (t) => {
  const page = await tab(t);
  const seen = [];
  for (const email of [nina.email, stranger().email]) {
    await page.goto(authorization(web, { prompt: 'login' }));
    await identify(page, email);
    await page.fill('#password', 'not the password of anybody');
    await page.click('#login-submit');
    await page.waitForSelector('#password-problem');
    const text = await page.locator('main').innerText();
    seen.push({ text: text.replace(email, 'EMAIL'), title: await page.title(), path: new URL(page.url()).pathname });
  }
  assert.deepEqual(seen[0], seen[1]);
  assert.match(seen[0].text, /That email and password do not match\. Try again, or reset your password\./);
  assert.match(seen[0].title, /^Error: /);
  await look(page, 'sign-in-error');
});

test('an address in other letters is the same person, and may be mended', async (t) => {
  const page = await tab(t);
  await page.goto(authorization(web, { login_hint: stranger().email }));
  assert.notEqual(await page.inputValue('#username'), ''); // login_hint
  await identify(page, stranger().email);
  await look(page, 'password');
  await page.getByRole('link', { name: 'Use a different email' }).click();
  await signIn(page, { ...nina, email: nina.email.toUpperCase() });
  const callback = await arrive(page, web.redirect_uri);
  assert.ok(callback.searchParams.get('code'));
  assert.equal(callback.searchParams.get('state'), 'journey');
});

test('an empty form says what to enter', async (t) => {
  const page = await tab(t);
  await page.goto(authorization(web));
  await page.click('#login-submit');
  await page.waitForSelector('#username-problem');
  assert.equal(await page.locator('#username-problem').innerText(), 'Enter your email address, like name@example.com.');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'username');
  await look(page, 'sign-in-empty');
});

test('cancel returns to the application with access_denied', async (t) => {
  const page = await tab(t);
  for (const step of ['address', 'password']) {
    await page.goto(authorization(web));
    if (step === 'password') await identify(page, nina.email);
    await page.click('#login-cancel');
    const callback = await arrive(page, web.redirect_uri);
    assert.equal(callback.searchParams.get('error'), 'access_denied');
    assert.equal(callback.searchParams.get('state'), 'journey');
  }
});

test('back and reload show a usable page at every step', async (t) => {
  const page = await tab(t);
  await page.goto(authorization(web));
  await page.reload();
  await identify(page, omar.email);
  await page.reload();
  assert.equal(await page.inputValue('#username'), omar.email);
  await page.goBack();
  assert.match(await heading(page), /^Sign in/);
  await signIn(page, omar);
  await arrive(page, web.redirect_uri);
  await page.goBack(); // the step is done, so it leads on and never to a dead end
  assert.ok(await page.locator('h1').count());
});

test('the keyboard alone signs in', async (t) => {
  const page = await tab(t);
  await page.goto(authorization(web));
  assert.equal((await walk(page))[0], 'username');
  await page.reload();
  await page.waitForFunction(() => document.activeElement.id === 'username');
  await page.keyboard.type(nina.email);
  await page.keyboard.press('Enter');
  await page.waitForSelector('#password');
  await page.waitForFunction(() => document.activeElement.id === 'password');
  await page.keyboard.type(nina.password);
  await page.keyboard.press('Enter');
  await arrive(page, web.redirect_uri);
});

test('somebody who has an account signs up again: the same page, and the mail tells', async (t) => {
  const page = await tab(t);
  const seen = [];
  for (const person of [{ ...stranger(), email: nina.email }, stranger()]) {
    await page.goto(authorization(web, { prompt: 'login' }));
    await page.getByRole('link', { name: 'Create an account' }).click();
    await page.fill('#name', person.name);
    await page.fill('#username', person.email);
    await page.fill('#password', person.password);
    await page.click('#login-submit');
    await page.waitForSelector('#code');
    seen.push((await page.locator('main').innerText()).replace(person.email, 'EMAIL'));
  }
  assert.equal(seen[0], seen[1]);
  const mailbox = await page.context().newPage();
  const mail = await newestMail(mailbox, nina.email);
  assert.match(await mail.innerText(), /already have an account/);
});

test('a weak password is refused with the way out', async (t) => {
  const page = await tab(t);
  await page.goto(authorization(web));
  await page.getByRole('link', { name: 'Create an account' }).click();
  await page.fill('#name', 'Grace');
  await page.fill('#username', stranger().email);
  for (const [password, text] of [
    ['short', 'Use at least 15 characters. Three or four unrelated words work well.'],
    ['aaaaaaaaaaaaaaaaaaaa', 'This password is easy to guess. Add another word.'],
  ]) {
    await page.fill('#password', password);
    await page.click('#login-submit');
    await page.waitForSelector('#password-problem');
    assert.equal(await page.locator('#password-problem').innerText(), text);
    assert.equal(await page.inputValue('#password'), ''); // typed values stay, passwords never
    assert.equal(await page.inputValue('#name'), 'Grace');
  }
  await look(page, 'sign-up-error');
});

test('the link in the mail opens the page filled in, and changes nothing', async (t) => {
  const page = await tab(t);
  const grace = stranger();
  await page.goto(authorization(web));
  await page.getByRole('link', { name: 'Create an account' }).click();
  await page.fill('#name', grace.name);
  await page.fill('#username', grace.email);
  await page.fill('#password', grace.password);
  await page.click('#login-submit');
  await page.waitForSelector('#code');

  const code = await mailedCode(page, grace.email);
  const mailbox = await page.context().newPage();
  await (await newestMail(mailbox, grace.email)).click();
  const link = await mailbox.frameLocator('iframe').getByRole('link').first().getAttribute('href');
  await mailbox.goto(link);
  await mailbox.goto(link); // as a mail scanner did before
  assert.equal((await mailbox.inputValue('#code')).replaceAll(' ', ''), code);
  await mailbox.click('#login-submit');
  const callback = await arrive(mailbox, web.redirect_uri);
  assert.ok(callback.searchParams.get('code'));
});
