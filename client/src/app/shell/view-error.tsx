import { Button, Center, Group, Loader, Stack, Text } from '@mantine/core';
import { Link, isRouteErrorResponse, useRouteError } from 'react-router';
import { ErrorState } from '../../components/states';
import { texts } from '../../texts/texts';

/** What stands in place of a view that could not be shown. */
export function ViewError() {
  const error = useRouteError();
  if (isRouteErrorResponse(error) && error.status === 404) return <NoSuchView />;
  return (
    <Stack maw={640} mx="auto" p="md">
      <title>{`Error · ${texts.name}`}</title>
      <ErrorState error={error} title={texts.errors.view} onRetry={() => window.location.reload()} />
      <Text size="sm">{texts.errors.viewAdvice}</Text>
    </Stack>
  );
}

/** Until the code of the first view is here. */
export function Loading() {
  return (
    <Center mih="60vh">
      <Loader aria-label="Loading" />
    </Center>
  );
}

/** An address that leads to no view. */
export function NoSuchView() {
  return (
    <Stack maw={640} mx="auto" pt="xl">
      <title>{`Not found · ${texts.name}`}</title>
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
