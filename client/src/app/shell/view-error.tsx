import { Button, Center, Group, Loader, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { isRouteErrorResponse, Link, useRouteError } from 'react-router';
import { asProblem } from '../../api/problem';
import { ping } from '../../api/site';
import { ErrorState } from '../../components/states';
import { texts } from '../../texts/texts';

/** How browsers say that the code of a view did not come. */
const NO_CODE = /dynamically imported module|Importing a module script failed|Unable to preload/i;
const AGAIN_MS = 2000;

/** The code of a view did not come, since the service is away: when it is back, the view is loaded. */
function WaitForCode() {
  useQuery({
    queryKey: ['code'],
    queryFn: async ({ signal }) => {
      await ping(signal);
      window.location.reload();
      return true;
    },
    retry: true,
    retryDelay: AGAIN_MS,
  });
  return (
    <Stack maw={640} mx="auto" p="md">
      <title>{texts.titleOf(texts.errors.short)}</title>
      <Text role="status">{texts.errors.unreachable}</Text>
    </Stack>
  );
}

/** What stands in place of a view that could not be shown. */
export function ViewError() {
  const error = useRouteError();
  if (isRouteErrorResponse(error) && error.status === 404) return <NoSuchView />;
  if (NO_CODE.test(asProblem(error).message)) return <WaitForCode />;
  return (
    <Stack maw={640} mx="auto" p="md">
      <title>{texts.titleOf(texts.errors.short)}</title>
      <ErrorState error={error} title={texts.errors.view} onRetry={() => window.location.reload()} />
      <Text size="sm">{texts.errors.viewAdvice}</Text>
    </Stack>
  );
}

/** Until the code of the first view is here. */
export function Loading() {
  return (
    <Center mih="60vh">
      <Loader aria-label={texts.loading} />
    </Center>
  );
}

/** An address that leads to no view. */
export function NoSuchView() {
  return (
    <Stack maw={640} mx="auto" pt="xl">
      <title>{texts.titleOf(texts.errors.notFoundShort)}</title>
      <Text fw={600} component="h1" size="xl">
        {texts.errors.notFound}
      </Text>
      <Text>{texts.errors.notFoundAdvice}</Text>
      <Group>
        <Button component={Link} to="/" variant="default">
          {texts.nav.stage}
        </Button>
      </Group>
    </Stack>
  );
}
