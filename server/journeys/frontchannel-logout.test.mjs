// OpenID Connect Front-Channel Logout 1.0 in a real browser: the application is told in a frame before the browser goes on
// (the suite's oidcc-frontchannel-rp-initiated-logout; acceptance 64).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tab } from './lib/browser.mjs';
import { arrive, at, authorization, clients, issuer, people, signIn } from './lib/portico.mjs';

const { front } = clients;

test('the frame is loaded, then the browser goes on', async (t) => {
  const page = await tab(t);
  await page.goto(authorization(front));
  await signIn(page, people[0]);
  await arrive(page, front.redirect_uri);

  const told = [];
  page.on('request', (request) => { // later its frame may be gone
    const url = new URL(request.url());
    if (url.pathname === '/front/logout') told.push({ url, framed: request.frame().parentFrame() !== null });
  });
  const answered = page.waitForResponse((response) => new URL(response.url()).pathname === '/front/logout');
  await page.goto(at(`/oauth2/logout?${new URLSearchParams({
    client_id: front.client_id, post_logout_redirect_uri: front.post_logout_redirect_uri, state: 'st',
  })}`));
  await page.click('#logout-confirm');
  assert.equal((await arrive(page, front.post_logout_redirect_uri)).search, '?state=st');

  assert.equal((await answered).status(), 200);
  assert.equal(told.length, 1);
  const [{ url, framed }] = told;
  assert.ok(framed);
  assert.deepEqual([...url.searchParams.keys()].sort(), ['iss', 'sid']);
  assert.equal(url.searchParams.get('iss'), issuer);
  assert.match(url.searchParams.get('sid'), /^ses_/);
  await page.goto(authorization(front, { prompt: 'none' }));
  assert.equal((await arrive(page, front.redirect_uri)).searchParams.get('error'), 'login_required');
});
