import { Alert, Transition } from '@mantine/core';
import { IconPlugConnectedX } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { ping } from '../../api/site';
import { texts } from '../../texts/texts';

/** Says when the service does not answer; asks again by itself, and has all views look anew when it is back. */
export function Connection() {
  const queries = useQueryClient();
  const { isError } = useQuery({
    queryKey: ['ping'],
    queryFn: ({ signal }) => ping(signal).then(() => true),
    refetchInterval: ({ state }) => (state.status === 'error' ? 2000 : 10_000),
    retry: 1,
    retryDelay: 500,
  });
  const wasLost = useRef(false);
  useEffect(() => {
    if (wasLost.current && !isError) void queries.invalidateQueries();
    wasLost.current = isError;
  }, [isError, queries]);
  return (
    <div role="status" aria-live="polite">
      <Transition mounted={isError} transition="fade" duration={150}>
        {(styles) => (
          <Alert
            style={styles}
            color="orange"
            variant="light"
            radius={0}
            py="xs"
            icon={<IconPlugConnectedX size={18} aria-hidden />}
          >
            {texts.connection.lost}
          </Alert>
        )}
      </Transition>
    </div>
  );
}
