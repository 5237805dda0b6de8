// What the dashboard does in three forms, one file does for portico apply beside the running server (README.md).
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import * as oidc from 'openid-client';
import { look, tab } from './lib/browser.mjs';
import { enter, operators, within } from './lib/dashboard.mjs';
import { authorize, discover } from './lib/openid.mjs';
import { clients, people } from './lib/portico.mjs';

const callback = new URL('/blue-web/callback', clients.web.redirect_uri).href;
const file = `
environments:
  - slug: default
    applications:
      - client_id: blue-web
        name: Blue Web
        kind: web
        redirect_uris: ["${callback}"]
      - client_id: blue-phone
        name: Blue Phone
        kind: native
        redirect_uris: [com.example.blue:/callback]
      - client_id: blue-jobs
        name: Blue jobs
        kind: machine
`;

// apply gives the file to portico apply and returns what it printed as JSON.
async function apply(...flags) {
  const { path, env } = JSON.parse(process.env.PORTICO_COMMAND);
  const command = spawn(path, ['apply', '-f', '-', '--json', ...flags], { env: { ...env, PATH: process.env.PATH } });
  command.stdin.end(file);
  const [out, said, code] = await Promise.all([text(command.stdout), text(command.stderr), new Promise((done) => command.on('close', done))]);
  assert.equal(code, 0, said);
  return JSON.parse(out);
}

test('one file makes three applications, and each is signed in to', async (t) => {
  const plan = await apply('--plan');
  assert.deepEqual([plan.applied, plan.changes.filter((change) => change.type === 'application').length], [false, 3]);
  const applied = await apply();
  assert.equal(applied.applied, true);
  const secrets = applied.client_secrets.default;
  assert.deepEqual(Object.keys(secrets).sort(), ['blue-jobs', 'blue-web']);
  assert.deepEqual((await apply()).changes, []);

  const page = await tab(t);
  const web = { client_id: 'blue-web', redirect_uri: callback };
  const ofWeb = await discover(web, oidc.ClientSecretBasic(secrets['blue-web']));
  const first = await authorize(page, ofWeb, web, people[0]);
  const tokens = await oidc.authorizationCodeGrant(ofWeb, first.callback, first.checks);
  await oidc.refreshTokenGrant(ofWeb, tokens.refresh_token);

  const handset = await tab(t);
  const phone = { client_id: 'blue-phone', redirect_uri: 'com.example.blue:/callback' };
  const ofPhone = await discover(phone, oidc.None());
  const second = await authorize(handset, ofPhone, phone, people[0]);
  const others = await oidc.authorizationCodeGrant(ofPhone, second.callback, second.checks);
  await oidc.refreshTokenGrant(ofPhone, others.refresh_token);
  assert.equal(others.claims().sub, tokens.claims().sub); // acceptance 11
  assert.notEqual(others.claims().sid, tokens.claims().sid);

  const ofJobs = await discover({ client_id: 'blue-jobs' }, oidc.ClientSecretBasic(secrets['blue-jobs']));
  assert.ok((await oidc.clientCredentialsGrant(ofJobs)).access_token);
});

test('the dashboard says which applications the file manages', async (t) => {
  const page = await tab(t);
  await enter(page, operators.owner, within('/applications'));
  await page.getByRole('link', { name: 'Blue Web', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'Blue Web' }).waitFor();
  await page.getByText('portico apply').first().waitFor();
  await look(page, 'dashboard-managed');
});
