// openid-client as an unmodified relying party (acceptance 54, 55): each way that a client authenticates, each
// answer that it may be sent.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as oidc from 'openid-client';
import { tab } from './lib/browser.mjs';
import { authorize, discover } from './lib/openid.mjs';
import { arrive, clients, issuer, people } from './lib/portico.mjs';

const { web, post, spa, signed, keyed, machine, api } = clients;

const signingKey = {
  key: await crypto.subtle.importKey('jwk', keyed.private_key, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']),
  kid: keyed.private_key.kid,
};

for (const [name, client, authentication] of [
  ['client_secret_basic', web, oidc.ClientSecretBasic(web.client_secret)],
  ['client_secret_post', post, oidc.ClientSecretPost(post.client_secret)],
  ['client_secret_jwt', signed, oidc.ClientSecretJwt(signed.client_secret)],
  ['private_key_jwt', keyed, oidc.PrivateKeyJwt(signingKey)],
  ['none', spa, oidc.None()],
]) {
  test(`${name}: sign in, read userinfo, refresh, sign out`, async (t) => {
    const page = await tab(t, { script: false });
    const config = await discover(client, authentication);
    const [person] = people;

    const { callback, checks } = await authorize(page, config, client, person);
    assert.equal(callback.searchParams.get('iss'), issuer); // RFC 9207
    const tokens = await oidc.authorizationCodeGrant(config, callback, checks);
    const claims = tokens.claims();
    assert.equal(claims.iss, issuer);
    assert.match(claims.sid, /^ses_/);
    assert.equal(typeof claims.auth_time, 'number');
    assert.deepEqual(claims.amr, ['pwd']);

    const userinfo = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub);
    assert.equal(userinfo.email, person.email);
    assert.equal(userinfo.email_verified, true);
    assert.equal(userinfo.name, person.name);

    const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token);
    assert.notEqual(refreshed.access_token, tokens.access_token);
    assert.notEqual(refreshed.refresh_token, tokens.refresh_token);
    assert.equal(refreshed.claims().sub, claims.sub);
    assert.equal(refreshed.claims().sid, claims.sid);
    assert.equal(refreshed.claims().auth_time, claims.auth_time);

    await page.goto(oidc.buildEndSessionUrl(config, {
      id_token_hint: refreshed.id_token, post_logout_redirect_uri: client.post_logout_redirect_uri, state: 'bye',
    }).href);
    const farewell = await arrive(page, client.post_logout_redirect_uri);
    assert.equal(farewell.searchParams.get('state'), 'bye');
    await assert.rejects(oidc.refreshTokenGrant(config, refreshed.refresh_token), { error: 'invalid_grant' });
    await assert.rejects(oidc.fetchUserInfo(config, refreshed.access_token, claims.sub), { status: 401 });
  });
}

test('form_post brings the code in a body', async (t) => {
  const page = await tab(t);
  const config = await discover(web, oidc.ClientSecretBasic(web.client_secret));
  const { callback, checks } = await authorize(page, config, web, people[1], { response_mode: 'form_post' });
  assert.equal(callback.search, '');
  const request = new Request(callback, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: await page.locator('#form').innerText(),
  });
  const tokens = await oidc.authorizationCodeGrant(config, request, checks);
  assert.ok(tokens.access_token);
});

test('fragment brings the code after a hash', async (t) => {
  const page = await tab(t);
  const config = await discover(spa, oidc.None());
  const { callback, checks } = await authorize(page, config, spa, people[1], { response_mode: 'fragment' });
  assert.equal(callback.search, '');
  callback.search = callback.hash.slice(1);
  callback.hash = '';
  const tokens = await oidc.authorizationCodeGrant(config, callback, checks);
  assert.ok(tokens.access_token);
});

test('prompt and max_age are honoured', async (t) => {
  const page = await tab(t);
  const config = await discover(web, oidc.ClientSecretBasic(web.client_secret));

  const unknown = await authorize(page, config, web, null, { prompt: 'none' });
  await assert.rejects(oidc.authorizationCodeGrant(config, unknown.callback, unknown.checks), { error: 'login_required' });

  const first = await authorize(page, config, web, people[2]);
  const known = (await oidc.authorizationCodeGrant(config, first.callback, first.checks)).claims();

  const silent = await authorize(page, config, web, null, { prompt: 'none', max_age: '3600' });
  const again = (await oidc.authorizationCodeGrant(config, silent.callback, { ...silent.checks, maxAge: 3600 })).claims();
  assert.equal(again.sub, known.sub);
  assert.equal(again.auth_time, known.auth_time);
  assert.equal(again.sid, known.sid); // one browser, one application, one session

  const forced = await authorize(page, config, web, people[2], { prompt: 'login' });
  const renewed = (await oidc.authorizationCodeGrant(config, forced.callback, { ...forced.checks, maxAge: 60 })).claims();
  assert.ok(renewed.auth_time >= known.auth_time);
});

test('a wrong verifier, and a code used twice, are refused', async (t) => {
  const page = await tab(t);
  const config = await discover(web, oidc.ClientSecretBasic(web.client_secret));

  const first = await authorize(page, config, web, people[1]);
  await assert.rejects(
    oidc.authorizationCodeGrant(config, first.callback, { ...first.checks, pkceCodeVerifier: oidc.randomPKCECodeVerifier() }),
    { error: 'invalid_grant' },
  );

  const second = await authorize(page, config, web, null);
  const tokens = await oidc.authorizationCodeGrant(config, second.callback, second.checks);
  await assert.rejects(oidc.authorizationCodeGrant(config, second.callback, second.checks), { error: 'invalid_grant' });
  await assert.rejects(oidc.refreshTokenGrant(config, tokens.refresh_token), { error: 'invalid_grant' }); // acceptance 58
});

test('a machine gets a token, its API introspects it, and it can be revoked', async () => {
  const config = await discover(machine, oidc.ClientSecretBasic(machine.client_secret));
  const tokens = await oidc.clientCredentialsGrant(config, { scope: api.scope, resource: api.identifier });
  assert.equal(tokens.refresh_token, undefined);

  const resource = await discover(api, oidc.ClientSecretBasic(api.client_secret));
  const living = await oidc.tokenIntrospection(resource, tokens.access_token);
  assert.equal(living.active, true);
  assert.equal(living.client_id, machine.client_id);
  assert.equal(living.scope, api.scope);
  assert.deepEqual([living.aud].flat(), [api.identifier]);

  const bystander = await discover(web, oidc.ClientSecretBasic(web.client_secret));
  assert.deepEqual(await oidc.tokenIntrospection(bystander, tokens.access_token), { active: false });

  await oidc.tokenRevocation(config, tokens.access_token);
  assert.deepEqual(await oidc.tokenIntrospection(resource, tokens.access_token), { active: false });
});
