import { Center, Loader, MantineProvider, Stack } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { useState } from 'react';
import { RouterProvider } from 'react-router';
import { makeQueryClient } from '../api/query-client';
import { ErrorState } from '../components/states';
import { SessionProvider } from '../session/session-provider';
import { texts } from '../texts/texts';
import { makeRouter } from './router';
import { Mark } from './shell/mark';
import { cssVariables, theme } from './theme';

/** The page. */
export function App() {
  const [queries] = useState(makeQueryClient);
  const [router] = useState(makeRouter);
  return (
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
      <QueryClientProvider client={queries}>
        <SessionProvider fallback={(error) => <Beginning error={error} />}>
          <RouterProvider router={router} />
        </SessionProvider>
      </QueryClientProvider>
    </MantineProvider>
  );
}

/** Until the site is known: a sign of life, and why it takes so long. */
function Beginning({ error }: { error: unknown }) {
  return (
    <Center mih="100vh" component="main" p="md">
      <Stack align="center" maw={480}>
        <Mark size={56} />
        {error ? <ErrorState error={error} title={texts.errors.unreachable} /> : <Loader aria-label={texts.loading} />}
      </Stack>
    </Center>
  );
}
