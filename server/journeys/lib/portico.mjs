// Portico as a person meets it, by the hooks of ui.md §2, which never change. What a test finds there comes from
// journeys_test.go: the issuer, the demo's address, applications by role, and people whom no other file of tests knows.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';

export const issuer = process.env.PORTICO_ISSUER;
export const demo = process.env.PORTICO_DEMO;
export const clients = JSON.parse(process.env.PORTICO_CLIENTS);
export const people = JSON.parse(process.env.PORTICO_PEOPLE);

// at is the address of a page below the issuer.
export function at(path) {
  return issuer + path;
}

// stranger makes up somebody who has no account yet.
export function stranger(name = 'Grace Hopper') {
  return { name, email: `grace-${randomBytes(6).toString('hex')}@example.com`, password: 'otter lantern mosaic gravel' };
}

// heading returns the text of the page's only h1.
export function heading(page) {
  return page.locator('h1').innerText();
}

// signIn does both steps of the sign-in, or only the second where the page knows who is asked to sign in again.
export async function signIn(page, { email, password }) {
  await page.waitForSelector('#username', { state: 'attached' });
  if (await page.locator('#password').count() === 0) await identify(page, email);
  await page.fill('#password', password);
  await page.click('#login-submit');
}

// identify does the first step only, and waits for the second.
export async function identify(page, email) {
  await page.fill('#username', email);
  await page.press('#username', 'Enter');
  await page.waitForSelector('#password');
}

// signUp makes an account, from the page that asks for the address, with the code from the mailbox.
export async function signUp(page, person) {
  await page.getByRole('link', { name: 'Create an account' }).click();
  await page.fill('#name', person.name);
  await page.fill('#username', person.email);
  await page.fill('#password', person.password);
  await page.click('#login-submit');
  await page.waitForSelector('#code');
  await page.fill('#code', await mailedCode(page, person.email));
  await page.click('#login-submit');
}

// mailedCode reads the code in the newest mail to the address, in another tab of the same browser.
export async function mailedCode(page, email) {
  const mailbox = await page.context().newPage();
  const mail = await newestMail(mailbox, email);
  const code = await mail.locator('code').innerText();
  await mailbox.close();
  return code;
}

// newestMail opens the mailbox and returns the line of the newest mail to the address once it is there.
export async function newestMail(mailbox, email) {
  const mail = mailbox.locator('a.mail-line', { hasText: email }).first();
  for (let tries = 0; tries < 50; tries++) {
    await mailbox.goto(new URL('/dev/mailbox', issuer).href);
    if (await mail.count() > 0) return mail;
  }
  assert.fail(`no mail to ${email} in the mailbox`);
}

// arrive waits until the browser is at the application's address and returns where exactly that is.
export async function arrive(page, address) {
  await page.waitForURL((url) => url.href.startsWith(address));
  return new URL(page.url());
}

// authorization is the address of an authorization request of a client, answered at its redirect URI.
export function authorization(client, more = {}) {
  const url = new URL(at('/oauth2/authorize'));
  url.search = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: client.redirect_uri,
    response_type: 'code',
    scope: 'openid profile email',
    state: 'journey',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', // RFC 7636 appendix B
    code_challenge_method: 'S256',
    ...more,
  });
  return url.href;
}
