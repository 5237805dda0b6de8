// oidc-client-ts in a single-page application on another origin: everything from discovery to the refresh is a
// request of the browser, so that CORS is what is tried here (acceptance 47).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tab } from './lib/browser.mjs';
import { arrive, clients, issuer, people, signIn } from './lib/portico.mjs';

const { spa } = clients;
const settings = {
  authority: issuer,
  client_id: spa.client_id,
  redirect_uri: spa.redirect_uri,
  post_logout_redirect_uri: spa.post_logout_redirect_uri,
  scope: 'openid profile email offline_access',
  loadUserInfo: true,
};

test('sign in, renew, sign out', async (t) => {
  const page = await tab(t);
  await page.goto(spa.redirect_uri);
  await page.evaluate((s) => void new globalThis.oidc.UserManager(s).signinRedirect(), settings);
  await signIn(page, people[0]);

  await arrive(page, `${spa.redirect_uri}?`);
  const user = await page.evaluate(async (s) => {
    const { profile, access_token } = await new globalThis.oidc.UserManager(s).signinCallback();
    return { profile, access_token };
  }, settings);
  assert.equal(user.profile.email, people[0].email);
  assert.equal(user.profile.name, people[0].name);

  const renewed = await page.evaluate(async (s) => (await new globalThis.oidc.UserManager(s).signinSilent()).access_token, settings);
  assert.notEqual(renewed, user.access_token);

  await page.evaluate((s) => void new globalThis.oidc.UserManager(s).signoutRedirect(), settings);
  await arrive(page, spa.post_logout_redirect_uri);
});
