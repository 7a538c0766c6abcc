import { MantineProvider } from '@mantine/core';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeAll, expect, it, vi } from 'vitest';
import type { Method } from '../../api/types';
import { MethodCards } from './method-cards';

beforeAll(() => {
  // Not in jsdom; Mantine asks for the scheme.
  const scheme = { matches: false, addEventListener: () => undefined, removeEventListener: () => undefined };
  vi.stubGlobal('matchMedia', () => scheme);
});

const method = (name: string, values: Partial<Method> = {}): Method => ({
  name,
  aliases: [],
  description: `What ${name} does.`,
  needs_relative_path: true,
  available: null,
  problem: null,
  ...values,
});

it('says what each method does, and why one cannot be chosen just now', async () => {
  const onChange = vi.fn();
  const methods = [
    method('local_copy'),
    method('jupyter_copy', { available: false, problem: 'The hub does not answer.' }),
    method('new_one'),
  ];
  render(
    <MantineProvider>
      <MethodCards methods={methods} value="local_copy" onChange={onChange} />
    </MantineProvider>,
  );
  expect(screen.getByRole('radio', { name: /^Copy/ })).toBeChecked();
  expect(screen.getByText('Puts a verified, read-only copy into the user area.')).toBeVisible();
  // A method that the page does not know is told in the service's own words.
  expect(screen.getByText('What new_one does.')).toBeVisible();
  const off = screen.getByRole('radio', { name: /The hub does not answer\./ });
  expect(off).toBeDisabled();
  await userEvent.click(off);
  expect(onChange).not.toHaveBeenCalled();
  await userEvent.click(screen.getByRole('radio', { name: /^new_one/ }));
  expect(onChange).toHaveBeenCalledWith('new_one');
});
