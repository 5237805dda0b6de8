// OpenID Connect Session Management 1.0 in a real browser: what an application hears from check_session_iframe before and
// after a sign-out (the suite's oidcc-session-management-rp-initiated-logout).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tab } from './lib/browser.mjs';
import { arrive, at, authorization, clients, issuer, people, signIn } from './lib/portico.mjs';

const { watcher } = clients;
const elsewhere = watcher.redirect_uri;
const onSite = { ...watcher, redirect_uri: elsewhere.replace('127.0.0.1', 'localhost') };
const { check_session_iframe: frame, end_session_endpoint: endSession } =
  await (await fetch(at('/.well-known/openid-configuration'))).json();

// ask posts the message to the provider's frame, as the page of an application does, and returns the answer.
function ask(page, message) {
  return page.evaluate(async ({ frame, message }) => {
    let element = document.querySelector('iframe');
    if (!element) {
      element = document.createElement('iframe');
      element.hidden = true;
      element.src = frame;
      const loaded = new Promise((done) => { element.onload = done; });
      document.body.append(element);
      await loaded;
    }
    const answer = new Promise((done) => {
      addEventListener('message', ({ source, origin, data }) => {
        if (source === element.contentWindow && origin === new URL(frame).origin) done(data);
      }, { once: true });
    });
    element.contentWindow.postMessage(message, new URL(frame).origin);
    return answer;
  }, { frame, message });
}

// visit signs in where that is asked for, and returns the session_state that the application got.
async function visit(page, client, person, more) {
  await page.goto(authorization(client, more));
  if (new URL(page.url()).origin === issuer) await signIn(page, person);
  return (await arrive(page, client.redirect_uri)).searchParams.get('session_state');
}

test('unchanged while she is signed in, changed once she signed out', async (t) => {
  const page = await tab(t);
  const state = await visit(page, onSite, people[0]);
  assert.equal(await ask(page, `${watcher.client_id} ${state}`), 'unchanged');
  assert.equal(await ask(page, `${watcher.client_id} ${state}`), 'unchanged');

  const other = await page.context().newPage();
  await other.goto(`${endSession}?${new URLSearchParams({
    client_id: watcher.client_id, post_logout_redirect_uri: watcher.post_logout_redirect_uri, state: 'st',
  })}`);
  await other.click('#logout-confirm');
  assert.equal((await arrive(other, watcher.post_logout_redirect_uri)).search, '?state=st');
  assert.equal(await ask(page, `${watcher.client_id} ${state}`), 'changed');
  await other.goto(authorization(onSite, { prompt: 'none' }));
  assert.equal((await arrive(other, onSite.redirect_uri)).searchParams.get('error'), 'login_required');
});

test('changed when somebody else signs in, and unchanged for the state that comes with it', async (t) => {
  const page = await tab(t);
  const before = await visit(page, onSite, people[0]);
  const after = await visit(page, onSite, people[1], { prompt: 'login', login_hint: people[1].email });
  assert.equal(await ask(page, `${watcher.client_id} ${before}`), 'changed');
  assert.equal(await ask(page, `${watcher.client_id} ${after}`), 'unchanged');
});

test('an error for what is no question, changed for the state of another client', async (t) => {
  const page = await tab(t);
  const state = await visit(page, onSite, people[0]);
  for (const message of ['', watcher.client_id, `${watcher.client_id} `, `${watcher.client_id} nosalt`, `a ${state} b`, ` ${state}`]) {
    assert.equal(await ask(page, message), 'error', JSON.stringify(message));
  }
  assert.equal(await ask(page, `another ${state}`), 'changed');
});

// Browsers keep cookies from frames of other sites, so an application there hears changed and asks by prompt=none. Over
// https the cookie is SameSite=None, for those that don't.
test('an application on another site', async (t) => {
  const page = await tab(t);
  const state = await visit(page, { ...watcher, redirect_uri: elsewhere }, people[0]);
  assert.equal(await ask(page, `${watcher.client_id} ${state}`), 'changed');
});

test('the cookie with the browser state opens nothing', async (t) => {
  const page = await tab(t);
  await visit(page, onSite, people[0]);
  const cookies = (await page.context().cookies(issuer)).map(({ name, httpOnly, sameSite, secure, expires }) => ({ name, httpOnly, sameSite, secure, expires }));
  assert.deepEqual(cookies.find((c) => c.name.startsWith('portico-state-')),
    { name: 'portico-state-default', httpOnly: false, sameSite: 'Lax', secure: false, expires: -1 });
  await page.context().clearCookies({ name: 'portico-default' });
  await page.goto(authorization(onSite, { prompt: 'none' }));
  assert.equal((await arrive(page, onSite.redirect_uri)).searchParams.get('error'), 'login_required');
});
