// The dashboard as an operator meets it. What a test finds there comes from dashboard_test.go.
import { arrive, issuer, signIn } from './portico.mjs';

export const operators = JSON.parse(process.env.PORTICO_OPERATORS ?? '{}');

// within is the address of a page of the first environment.
export function within(path) {
  return `${issuer}/admin/env/default${path}`;
}

// enter opens a page of the dashboard, where the operator signs in first.
export async function enter(page, operator, address = `${issuer}/admin`) {
  await page.goto(address);
  await signIn(page, operator);
  await arrive(page, address);
}

// create fills in the form of a new application, and returns what the result page shows of it.
export async function create(page, kind, name, redirect) {
  await page.goto(within('/applications/new'));
  await page.check(`#kind-${kind}`);
  await page.fill('#name', name);
  if (redirect) await page.fill('#redirect-uri', redirect);
  await page.getByRole('button', { name: 'Create application' }).click();
  await page.waitForURL(/\/created$/);
  return {
    client_id: await page.locator('#client-id').innerText(),
    issuer: await page.locator('#issuer').innerText(),
    client_secret: await secret(page),
    redirect_uri: redirect,
  };
}

// secret is what the page shows once; undefined if it shows none.
export async function secret(page) {
  const shown = page.locator('#secret');
  return await shown.count() > 0 ? shown.innerText() : undefined;
}

// open goes to an application by its name.
export async function open(page, name) {
  await page.goto(within('/applications'));
  await page.getByRole('link', { name, exact: true }).click();
  await page.getByRole('heading', { level: 1, name }).waitFor();
}

// follow presses the link of the page's main part.
export async function follow(page, name) {
  await page.locator('main').getByRole('link', { name, exact: true }).click();
}

// press presses the button of the page's main part.
export async function press(page, name) {
  await page.locator('main').getByRole('button', { name, exact: true }).click();
}
