import { Alert, Button, Stack, Text } from '@mantine/core';
import { IconLogin2 } from '@tabler/icons-react';
import { EmptyState } from '../../components/states';
import { useSession } from '../../session/session';
import { texts } from '../../texts/texts';

/** What stands in place of a view as long as nobody is signed in. */
export function SignedOut() {
  const { signIn, problem, config } = useSession();
  const canSignIn = config.auth.client_id !== null;
  return (
    <Stack maw={560} mx="auto" pt="xl">
      <title>{`Sign in · ${texts.name}`}</title>
      <EmptyState icon={<IconLogin2 aria-hidden />} title="Sign in to go on">
        <Text size="sm">This site asks who you are, at {config.auth.issuer}.</Text>
        {canSignIn ? (
          <Button mt="md" onClick={signIn}>
            Sign in
          </Button>
        ) : (
          <Text size="sm" mt="sm">
            It names no client for this page (OIDC_CLIENT_ID): ask its operators, or use the API with a token.
          </Text>
        )}
      </EmptyState>
      {problem !== null && (
        <Alert color="red" variant="light" role="alert" title="Signing in did not work">
          {problem}
        </Alert>
      )}
    </Stack>
  );
}
