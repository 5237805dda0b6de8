// Requests that cannot be completed: our page, in words, and never a redirect to an address that is not registered
// (ui.md §2; acceptance 17).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { look, tab, walk } from './lib/browser.mjs';
import { arrive, at, authorization, clients, heading } from './lib/portico.mjs';

const { web, spa } = clients;

const ours = [
  ['an unknown client', authorization({ ...web, client_id: 'nobody' }), 'client_id'],
  ['a redirect URI of a sibling', authorization(web, { redirect_uri: spa.redirect_uri }), 'redirect_uri'],
  ['a redirect URI of nobody', authorization(web, { redirect_uri: 'http://127.0.0.1:9/callback' }), 'redirect_uri'],
  ['a parameter given twice', `${authorization(web)}&client_id=${web.client_id}`, 'client_id'],
];
for (const [index, [name, address, field]] of ours.entries()) {
  test(`${name} shows our page`, async (t) => {
    const page = await tab(t);
    const response = await page.goto(address);
    assert.equal(response.status(), 400);
    assert.match(await heading(page), /^This request cannot be completed/);
    assert.equal(new URL(page.url()).origin, new URL(at('/')).origin);
    assert.match(await page.locator('#reference').innerText(), /^[0-9a-f]{8}-[0-9a-f]{4}$/);
    await page.locator('summary', { hasText: 'Details' }).click();
    assert.match(await page.locator('dl').first().innerText(), new RegExp(field));
    assert.equal(await page.locator('a[href*=":9/callback"]').count(), 0);
    if (index === 0) {
      await look(page, 'error');
      await walk(page);
    }
  });
}

for (const [name, more, error] of [
  ['an unknown response type', { response_type: 'banana' }, 'unsupported_response_type'],
  ['no PKCE', { code_challenge: '', code_challenge_method: '' }, 'invalid_request'],
  ['plain PKCE', { code_challenge_method: 'plain' }, 'invalid_request'],
  ['only unknown scopes', { scope: 'everything' }, 'invalid_scope'],
]) {
  test(`${name} is told to the application`, async (t) => {
    const page = await tab(t);
    await page.goto(authorization(web, more));
    const callback = await arrive(page, web.redirect_uri);
    assert.equal(callback.searchParams.get('error'), error);
    assert.equal(callback.searchParams.get('state'), 'journey');
    assert.equal(callback.searchParams.get('iss'), process.env.PORTICO_ISSUER);
  });
}

test('a page that does not exist leads on', async (t) => {
  const page = await tab(t);
  assert.equal((await page.goto(at('/no-such-page'))).status(), 404);
  assert.equal(await page.locator('main a.button-main').count(), 1);
  await look(page, 'not-found');
});
