// A newcomer's first hour in the dashboard: three applications, each signed in to by what the page of its creation
// showed, a new secret under a client that runs, and all of it once more by the keyboard alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as oidc from 'openid-client';
import { look, tab, walk } from './lib/browser.mjs';
import { create, enter, follow, open, operators, press, secret, within } from './lib/dashboard.mjs';
import { authorize, discover } from './lib/openid.mjs';
import { clients, heading, people, signIn } from './lib/portico.mjs';

const [nina, omar, pia] = people;
const callback = (name) => new URL(`/${name}/callback`, clients.web.redirect_uri).href;

test('a web application: created, its secret shown once, signed in to', async (t) => {
  const page = await tab(t);
  await enter(page, operators.owner);
  await follow(page, 'Add application');
  await look(page, 'dashboard-create');
  await walk(page);

  const client = await create(page, 'web', 'Acme Web', callback('acme-web'));
  assert.match(await heading(page), /Acme Web/);
  assert.ok(client.client_secret.length > 40, 'a secret of 256 bits');
  await look(page, 'dashboard-created-web');
  await walk(page);

  const config = await discover(client, oidc.ClientSecretBasic(client.client_secret));
  const visitor = await tab(t);
  const { callback: answer, checks } = await authorize(visitor, config, client, nina);
  const tokens = await oidc.authorizationCodeGrant(config, answer, checks);
  const userinfo = await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
  assert.equal(userinfo.email, nina.email);
  await oidc.refreshTokenGrant(config, tokens.refresh_token);

  // Acceptance 48: neither Back nor a reload shows it again.
  await follow(page, 'I have stored it');
  await page.getByRole('heading', { level: 1, name: 'Acme Web' }).waitFor();
  assert.equal(await secret(page), undefined);
  await page.goBack();
  await page.waitForURL(/\/created$/);
  assert.equal(await secret(page), undefined);
  await page.reload();
  assert.equal(await secret(page), undefined);
  assert.ok(!(await page.content()).includes(client.client_secret));
  await look(page, 'dashboard-created-again');
});

test('a phone application: public, at a scheme of its own and at any port of the loopback', async (t) => {
  const page = await tab(t);
  await enter(page, operators.owner);
  const client = await create(page, 'native', 'Acme Phone', 'com.example.acme:/callback');
  assert.equal(client.client_secret, undefined); // acceptance 51
  await look(page, 'dashboard-created-phone');

  const config = await discover(client, oidc.None());
  const visitor = await tab(t);
  const { callback: answer, checks } = await authorize(visitor, config, client, omar);
  assert.equal(answer.protocol, 'com.example.acme:');
  await assert.rejects(
    oidc.authorizationCodeGrant(config, answer, { ...checks, pkceCodeVerifier: oidc.randomPKCECodeVerifier() }), { error: 'invalid_grant' },
  );
  const tokens = await oidc.authorizationCodeGrant(config, answer, checks);
  const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token);
  assert.equal(refreshed.claims().sid, tokens.claims().sid);

  await follow(page, 'Go to the application');
  await page.getByRole('navigation', { name: 'Acme Phone' }).getByRole('link', { name: 'Redirects' }).click();
  await page.fill('#redirect-uri', 'http://127.0.0.1/acme-phone/callback');
  await page.getByRole('button', { name: 'Add' }).first().click();
  await page.getByText('http://127.0.0.1/acme-phone/callback').first().waitFor();
  const loopback = { ...client, redirect_uri: callback('acme-phone') }; // acceptance 21: with a port
  const again = await authorize(visitor, config, loopback);
  assert.equal((await oidc.authorizationCodeGrant(config, again.callback, again.checks)).claims().sid, tokens.claims().sid);
});

test('a machine application: a token without anybody', async (t) => {
  const page = await tab(t);
  await enter(page, operators.owner);
  const client = await create(page, 'machine', 'Nightly import');
  await look(page, 'dashboard-created-machine');
  const config = await discover(client, oidc.ClientSecretBasic(client.client_secret));
  const tokens = await oidc.clientCredentialsGrant(config);
  assert.equal(tokens.refresh_token, undefined);
  const living = await oidc.tokenIntrospection(config, tokens.access_token);
  assert.deepEqual([living.active, living.client_id], [true, client.client_id]);

  await follow(page, 'I have stored it');
  await page.getByRole('heading', { level: 1, name: 'Nightly import' }).waitFor();
  assert.equal(await page.getByRole('link', { name: 'Test sign-in' }).count(), 0);
});

test('all three are in the list with a client ID of their own', async (t) => {
  const page = await tab(t);
  await enter(page, operators.viewer, within('/applications'));
  const rows = page.locator('main tbody tr');
  assert.match(await rows.first().innerText(), /Default/); // acceptance 3
  const ids = [];
  for (const name of ['Acme Web', 'Acme Phone', 'Nightly import']) {
    ids.push(await rows.filter({ hasText: name }).locator('code').innerText());
  }
  assert.equal(new Set(ids).size, 3);
  assert.equal(await page.getByRole('link', { name: 'Create application' }).count(), 0); // acceptance 81
});

test('Test sign-in runs the real flow, and Preview tokens shows the same claims', async (t) => {
  const page = await tab(t);
  await enter(page, operators.owner);
  await open(page, 'Acme Web');
  await follow(page, 'Test sign-in');
  await look(page, 'dashboard-test-sign-in');
  await walk(page);
  await page.locator('main').getByRole('button').last().click();
  await signIn(page, pia);
  await page.getByText('The sign-in works.').waitFor();
  await look(page, 'dashboard-tested');
  const claims = async (of) => JSON.parse(await page.locator(`#claims-${of}`).innerText());
  const tested = await claims('id_token');
  assert.equal((await claims('userinfo')).email, pia.email);

  await open(page, 'Acme Web');
  await follow(page, 'Preview tokens');
  await page.fill('#user-id', pia.email);
  await page.locator('main').getByRole('button').first().click();
  await page.locator('#claims-id_token').waitFor();
  await look(page, 'dashboard-preview');
  await walk(page);
  const preview = await claims('id_token');
  assert.deepEqual([preview.iss, preview.sub, preview.aud], [tested.iss, tested.sub, tested.aud]);
  const names = (token) => Object.keys(token).filter((name) => !['nonce', 'at_hash'].includes(name)).sort();
  assert.deepEqual(names(preview), names(tested));
});

test('a new secret under a client that runs', async (t) => {
  const page = await tab(t);
  await enter(page, operators.owner);
  const client = await create(page, 'web', 'Rotator', callback('rotator'));
  const before = await discover(client, oidc.ClientSecretBasic(client.client_secret));
  const visitor = await tab(t);
  const { callback: answer, checks } = await authorize(visitor, before, client, omar);
  let tokens = await oidc.authorizationCodeGrant(before, answer, checks);
  const refresh = async (config) => {
    tokens = await oidc.refreshTokenGrant(config, tokens.refresh_token);
  };

  await open(page, 'Rotator');
  await page.getByRole('navigation', { name: 'Rotator' }).getByRole('link', { name: 'Credentials' }).click();
  await page.fill('#secret-name', 'Second');
  await press(page, 'Create secret');
  const next = await secret(page);
  await look(page, 'dashboard-new-secret');
  await walk(page);
  await follow(page, 'I have stored it');

  const after = await discover(client, oidc.ClientSecretBasic(next)); // acceptance 49: both work
  await refresh(before);
  await refresh(after);
  await refresh(before);

  await page.reload();
  await look(page, 'dashboard-two-secrets');
  await page.getByRole('row').filter({ hasText: client.client_secret.slice(-4) }).getByRole('link').click();
  await follow(page, 'End now');
  await look(page, 'dashboard-end-secret');
  await press(page, 'End now');
  await page.getByRole('status').waitFor();
  await assert.rejects(refresh(before), { status: 401 });
  await refresh(after);
  assert.ok(tokens.access_token);
});

// reach presses Tab until the focus is on the control.
async function reach(page, control) {
  for (let presses = 0; presses < 80; presses++) {
    await page.keyboard.press('Tab');
    if (await control.evaluate((c) => c === document.activeElement)) return;
  }
  assert.fail(`Tab does not reach ${control}`);
}

const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.tagName);

test('the keyboard alone creates an application and deletes it', async (t) => {
  const page = await tab(t);
  const keys = page.keyboard;
  const main = page.locator('main');
  await enter(page, operators.admin, within('/applications'));

  await keys.press('Tab');
  assert.equal(await page.locator(':focus').innerText(), 'Skip to content');
  await keys.press('Enter');
  await reach(page, main.getByRole('link', { name: 'Create application' }));
  await keys.press('Enter');
  await page.waitForURL(within('/applications/new'));

  // What is wrong gets the focus, and the tab says so (ui.md §4, §5).
  const button = main.getByRole('button', { name: 'Create application' });
  await reach(page, button);
  await keys.press('Enter');
  await page.waitForFunction(() => document.title.startsWith('Error: '));
  assert.equal(await focused(page), 'name');
  assert.equal(await page.getByRole('alert').getByRole('link').count(), 2);
  await look(page, 'dashboard-create-mistakes');
  await keys.type('By keyboard');
  await reach(page, main.locator('#redirect-uri'));
  await keys.type(callback('keyboard'));
  await keys.press('Enter');
  await page.waitForURL(/\/created$/);
  assert.equal(await focused(page), 'H1');

  await reach(page, main.getByRole('link', { name: 'I have stored it' }));
  await keys.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'By keyboard' }).waitFor();
  await reach(page, main.getByRole('link', { name: 'Delete', exact: true }));
  await keys.press('Enter');
  await page.waitForURL(/\/delete$/);
  await look(page, 'dashboard-delete');
  await reach(page, main.locator('#confirm-name'));
  await keys.type('Something else');
  await keys.press('Enter');
  await page.waitForFunction(() => document.title.startsWith('Error: '));
  assert.equal(await focused(page), 'confirm-name');
  await keys.type('By keyboard');
  await reach(page, main.getByRole('button', { name: 'Delete application' }));
  await keys.press('Space');
  await page.waitForURL((url) => url.pathname.endsWith('/applications'));
  await page.getByRole('status').waitFor();
  assert.equal(await page.getByRole('link', { name: 'By keyboard' }).count(), 0);
});
