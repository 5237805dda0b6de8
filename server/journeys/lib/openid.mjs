// A relying party by openid-client, which knows the provider by its issuer alone.
import * as oidc from 'openid-client';
import { arrive, issuer, signIn } from './portico.mjs';

// discover reads the metadata of the issuer for a client that authenticates so.
export function discover(client, authentication) {
  return oidc.discovery(new URL(client.issuer ?? issuer), client.client_id, undefined, authentication, {
    execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks],
  });
}

// authorize sends the browser to the provider and returns what it came back with, and what to check of that.
export async function authorize(page, config, client, person, more = {}) {
  const checks = { pkceCodeVerifier: oidc.randomPKCECodeVerifier(), expectedNonce: oidc.randomNonce(), expectedState: oidc.randomState() };
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: client.redirect_uri,
    scope: 'openid profile email offline_access',
    code_challenge: await oidc.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: 'S256',
    nonce: checks.expectedNonce,
    state: checks.expectedState,
    ...more,
  });
  const left = /^https?:/.test(client.redirect_uri) ? undefined : leave(page, client.redirect_uri);
  await page.goto(url.href);
  if (person) await signIn(page, person);
  return { callback: await (left ?? arrive(page, client.redirect_uri)), checks: { ...checks, idTokenExpected: true } };
}

// leave waits until the browser is sent to an address that only a phone can open, and returns where exactly that is.
async function leave(page, address) {
  const response = await page.waitForResponse((r) => r.headers().location?.startsWith(address));
  return new URL(response.headers().location);
}
