import { Alert, Button, Stack, Text } from '@mantine/core';
import { IconLogin2 } from '@tabler/icons-react';
import { EmptyState } from '../../components/states';
import { useSession } from '../../session/session';
import { texts } from '../../texts/texts';
import { sessionTexts } from '../../texts/session';

/** What stands in place of a view as long as nobody is signed in. */
export function SignedOut() {
  const { signIn, problem, config } = useSession();
  const canSignIn = config.auth.client_id !== null;
  return (
    <Stack maw={560} mx="auto" pt="xl">
      <title>{texts.titleOf(sessionTexts.signIn)}</title>
      <EmptyState icon={<IconLogin2 aria-hidden />} title={sessionTexts.title}>
        <Text size="sm">{sessionTexts.asks(config.auth.issuer ?? '')}</Text>
        {canSignIn ? (
          <Button mt="md" onClick={signIn}>
            {sessionTexts.signIn}
          </Button>
        ) : (
          <Text size="sm" mt="sm">
            {sessionTexts.noClient}
          </Text>
        )}
      </EmptyState>
      {problem !== null && (
        <Alert color="red" variant="light" role="alert" title={sessionTexts.failed}>
          {problem}
        </Alert>
      )}
    </Stack>
  );
}
