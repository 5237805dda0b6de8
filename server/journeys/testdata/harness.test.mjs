import assert from 'node:assert/strict';
import { test } from 'node:test';
import { axe, look, screenshot, tab, walk } from '../lib/browser.mjs';

const { HARNESS } = process.env;

test('a good page passes', async (t) => {
  const page = await tab(t);
  await page.goto(`${HARNESS}/harness.html`);
  await look(page, 'harness');
  assert.deepEqual(await walk(page), ['username', 'scope', 'login-submit']);
});

test('a page without script can be walked and photographed', async (t) => {
  const page = await tab(t, { script: false });
  await page.goto(`${HARNESS}/harness.html`);
  await screenshot(page, 'harness-without-script');
  assert.deepEqual(await walk(page), ['username', 'scope', 'login-submit']);
});

test('a page that breaks its policy, throws, or leaves the machine fails the test', async () => {
  let finish;
  const page = await tab({ after: (hook) => { finish = hook; } });
  await page.goto(`${HARNESS}/harness.html`);
  const thrown = page.waitForEvent('pageerror');
  await page.evaluate(() => {
    document.body.append(Object.assign(document.createElement('script'), { textContent: 'inline()' }));
    setTimeout(() => { throw new Error('thrown'); });
  });
  await thrown;
  await page.goto('http://harness.example/').catch(() => {});
  await assert.rejects(finish, ({ actual }) => {
    assert.equal(actual.length, 3);
    for (const part of [/Content Security Policy/, /thrown/, /harness\.example/]) assert.match(actual.join('\n'), part);
    return true;
  });
});

test('a fault of accessibility is noticed', async (t) => {
  const page = await tab(t);
  await page.goto(`${HARNESS}/harness.html`);
  await page.evaluate(() => document.querySelector('label').remove());
  await assert.rejects(axe(page), /label: <input id="username"/);
});

test('a control that the keyboard passes by is noticed', async (t) => {
  const page = await tab(t);
  await page.goto(`${HARNESS}/harness.html`);
  await page.evaluate(() => { document.querySelector('#login-submit').style.outline = 'none'; });
  await assert.rejects(walk(page), /no visible focus/);
});

test('a page under a strict policy can be waited for', async (t) => {
  const page = await tab(t);
  await page.goto(`${HARNESS}/harness.html`);
  await page.waitForFunction(() => { document.title += '.'; return document.title.endsWith('...'); });
});
