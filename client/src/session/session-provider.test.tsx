import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, expect, it, vi } from 'vitest';
import { siteQuery } from '../api/site';
import type { SiteConfig } from '../api/types';
import { useSession } from './session';
import { SessionProvider } from './session-provider';

/** The code of the sign-in, which comes when the test says so, and what it was asked. */
const code = vi.hoisted(() => {
  let come = () => undefined as void;
  const coming = new Promise<void>((resolve) => (come = resolve));
  return { coming, come: () => come(), signinRedirect: vi.fn(() => Promise.resolve()) };
});
vi.mock('./sign-in', async () => {
  await code.coming;
  const events = { addUserLoaded: vi.fn(), addAccessTokenExpired: vi.fn(), addSilentRenewError: vi.fn() };
  return {
    RETURN_PATH: '/ui/signed-in',
    viewOf: () => '/',
    makeUserManager: () => ({ events, signinRedirect: code.signinRedirect }),
  };
});

afterEach(cleanup);

function SignIn() {
  const { signIn } = useSession();
  return <button onClick={signIn}>Sign in</button>;
}

it('sends on who clicks before the code of the sign-in has come', async () => {
  const queries = new QueryClient();
  const site = { auth: { mode: 'oidc', issuer: 'https://idp.test', client_id: 'page', audience: null }, caller: null };
  queries.setQueryData(siteQuery.queryKey, site as unknown as SiteConfig);
  render(
    <QueryClientProvider client={queries}>
      <SessionProvider fallback={() => null}>
        <SignIn />
      </SessionProvider>
    </QueryClientProvider>,
  );
  fireEvent.click(screen.getByRole('button', { name: 'Sign in' }));
  expect(code.signinRedirect).not.toHaveBeenCalled();
  await act(async () => {
    code.come();
    await vi.waitFor(() => expect(code.signinRedirect).toHaveBeenCalledTimes(1));
  });
  queries.clear();
});
