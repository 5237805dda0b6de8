// oauth4webapi, the strictest client there is: it refuses what the specifications do not allow, down to content types,
// missing members and the case of a scheme.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import * as oauth from 'oauth4webapi';
import { tab } from './lib/browser.mjs';
import { arrive, clients, issuer, people, signIn } from './lib/portico.mjs';

const insecure = { [oauth.allowInsecureRequests]: true }; // http on loopback
const { web, spa, machine, api } = clients;

let as;
before(async () => {
  const identifier = new URL(issuer);
  as = await oauth.processDiscoveryResponse(identifier, await oauth.discoveryRequest(identifier, insecure));
});

test('metadata are the same by OpenID Connect Discovery and by RFC 8414', async () => {
  const identifier = new URL(issuer);
  const response = await oauth.discoveryRequest(identifier, { ...insecure, algorithm: 'oauth2' });
  const metadata = await oauth.processDiscoveryResponse(identifier, response);
  for (const [name, value] of Object.entries(metadata)) assert.deepEqual(value, as[name], name);
  assert.equal(as.authorization_response_iss_parameter_supported, true);
  assert.deepEqual(as.code_challenge_methods_supported, ['S256']);
});

// code sends the browser to the provider and returns the checked answer.
async function code(page, client, person, more = {}) {
  const verifier = oauth.generateRandomCodeVerifier();
  const nonce = oauth.generateRandomNonce();
  const state = oauth.generateRandomState();
  const url = new URL(as.authorization_endpoint);
  url.search = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: client.redirect_uri,
    response_type: 'code',
    scope: 'openid email offline_access',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    nonce,
    state,
    ...more,
  });
  await page.goto(url.href);
  if (person) await signIn(page, person);
  const callback = await arrive(page, client.redirect_uri);
  return { parameters: oauth.validateAuthResponse(as, client, callback, state), verifier, nonce };
}

async function redeem(client, authentication, { parameters, verifier, nonce }, maxAge) {
  const response = await oauth.authorizationCodeGrantRequest(
    as, client, authentication, parameters, client.redirect_uri, verifier, insecure);
  const tokens = await oauth.processAuthorizationCodeResponse(
    as, client, response, { expectedNonce: nonce, requireIdToken: true, ...(maxAge && { maxAge }) });
  await oauth.validateApplicationLevelSignature(as, response, insecure);
  return tokens;
}

for (const [name, client, authentication] of [
  ['a confidential client', web, oauth.ClientSecretBasic(web.client_secret)],
  ['a public client', spa, oauth.None()],
]) {
  test(`${name} signs in, reads userinfo, refreshes, and revokes`, async (t) => {
    const page = await tab(t, { script: false });
    const tokens = await redeem(client, authentication, await code(page, client, people[0], { max_age: '600' }), 600);
    const { sub } = oauth.getValidatedIdTokenClaims(tokens);

    const userinfo = await oauth.processUserInfoResponse(
      as, client, sub, await oauth.userInfoRequest(as, client, tokens.access_token, insecure));
    assert.equal(userinfo.email, people[0].email);

    const response = await oauth.refreshTokenGrantRequest(as, client, authentication, tokens.refresh_token, insecure);
    const refreshed = await oauth.processRefreshTokenResponse(as, client, response);
    if (refreshed.id_token) await oauth.validateApplicationLevelSignature(as, response, insecure);

    await oauth.processRevocationResponse(
      await oauth.revocationRequest(as, client, authentication, refreshed.refresh_token, insecure));
    const refused = await oauth.refreshTokenGrantRequest(as, client, authentication, refreshed.refresh_token, insecure);
    await assert.rejects(oauth.processRefreshTokenResponse(as, client, refused), { error: 'invalid_grant', status: 400 });
  });
}

test('a refused authorization comes back with state and issuer', async (t) => {
  const page = await tab(t);
  await assert.rejects(code(page, web, null, { prompt: 'none' }), (error) => {
    assert.ok(error instanceof oauth.AuthorizationResponseError);
    assert.equal(error.error, 'login_required');
    return true;
  });
});

test('introspection tells the client about its own token', async (t) => {
  const page = await tab(t);
  const authentication = oauth.ClientSecretBasic(web.client_secret);
  const tokens = await redeem(web, authentication, await code(page, web, people[1]));
  const introspect = async (token) => oauth.processIntrospectionResponse(
    as, web, await oauth.introspectionRequest(as, web, authentication, token, insecure));
  const answer = await introspect(tokens.access_token);
  assert.equal(answer.active, true);
  assert.equal(answer.sub, oauth.getValidatedIdTokenClaims(tokens).sub);
  assert.equal(answer.sid, oauth.getValidatedIdTokenClaims(tokens).sid);
  assert.deepEqual(await introspect('not-a-token'), { active: false });
});

test('a wrong secret is refused with a challenge', async () => {
  const response = await oauth.clientCredentialsGrantRequest(
    as, machine, oauth.ClientSecretBasic('wrong'), new URLSearchParams(), insecure);
  assert.equal(response.status, 401);
  assert.match(response.headers.get('www-authenticate'), /^Basic /); // RFC 6749 §5.2
  await assert.rejects(oauth.processClientCredentialsResponse(as, machine, response), (error) => {
    assert.ok(error instanceof oauth.ResponseBodyError || error instanceof oauth.WWWAuthenticateChallengeError);
    return true;
  });
});

// apiAccepts checks the token as an API does that trusts the issuer (RFC 9068 §4).
function apiAccepts(token, audience) {
  const request = new Request(audience, { headers: { authorization: `Bearer ${token}` } });
  return oauth.validateJwtAccessToken(as, request, audience, insecure);
}

test('a JWT access token of a machine is one of RFC 9068', async () => {
  const parameters = new URLSearchParams({ scope: api.scope, resource: api.identifier });
  const response = await oauth.clientCredentialsGrantRequest(
    as, machine, oauth.ClientSecretBasic(machine.client_secret), parameters, insecure);
  const tokens = await oauth.processClientCredentialsResponse(as, machine, response);
  const claims = await apiAccepts(tokens.access_token, api.identifier);
  assert.equal(claims.client_id, machine.client_id);
  assert.equal(claims.sub, machine.client_id); // RFC 9068 §2.2
  assert.equal(claims.scope, api.scope);
  await assert.rejects(apiAccepts(tokens.access_token, 'https://other.example/'));
});

test('a JWT access token of a person is one of RFC 9068', async (t) => {
  const page = await tab(t);
  const answer = await code(page, spa, people[2], { scope: `openid ${api.scope}`, resource: api.identifier });
  const tokens = await redeem(spa, oauth.None(), answer);
  const claims = await apiAccepts(tokens.access_token, api.identifier);
  assert.equal(claims.client_id, spa.client_id);
  assert.equal(claims.sub, oauth.getValidatedIdTokenClaims(tokens).sub);
  assert.equal(claims.auth_time, oauth.getValidatedIdTokenClaims(tokens).auth_time);
});
