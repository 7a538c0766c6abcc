import { Alert, Button, Center, Skeleton, Stack, Text, ThemeIcon, Title } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { asProblem } from '../api/problem';
import { adviceFor } from '../texts/advice';
import { texts } from '../texts/texts';

/** What stands where a list has nothing: why, and what to do. */
export function EmptyState({ icon, title, children }: { icon: ReactNode; title: string; children?: ReactNode }) {
  return (
    <Center py="xl" px="md">
      <Stack align="center" gap="xs" maw={420}>
        <ThemeIcon size={48} radius="xl" variant="light" aria-hidden>
          {icon}
        </ThemeIcon>
        <Text fw={600}>{title}</Text>
        {children !== undefined && (
          <Text c="dimmed" size="sm" ta="center" component="div">
            {children}
          </Text>
        )}
      </Stack>
    </Center>
  );
}

/** An error with what to do about it. */
export function ErrorState({ error, onRetry, title }: { error: unknown; onRetry?: () => void; title?: string }) {
  const problem = asProblem(error);
  const advice = adviceFor(problem.code);
  return (
    <Alert
      color="red"
      icon={<IconAlertTriangle aria-hidden />}
      title={title ?? texts.errors.title}
      role="alert"
      variant="light"
    >
      <Text size="sm">{problem.message}</Text>
      {problem.fields.length > 0 && (
        <ul>
          {problem.fields.map(({ field, message }) => (
            <li key={`${field} ${message}`}>
              {field} {message}
            </li>
          ))}
        </ul>
      )}
      {advice !== null && (
        <Text size="sm" mt={4}>
          {advice}
        </Text>
      )}
      {onRetry && (
        <Button mt="sm" size="xs" variant="default" onClick={onRetry}>
          {texts.errors.again}
        </Button>
      )}
    </Alert>
  );
}

/** Lines that will be there in a moment, as tall as they will be. */
export function LoadingLines({ lines, height = 36 }: { lines: number; height?: number }) {
  return (
    <Stack gap="xs" aria-hidden>
      {Array.from({ length: lines }, (_line, index) => (
        <Skeleton key={index} height={height} radius="sm" />
      ))}
    </Stack>
  );
}

/** The title of a view, which the page's own title follows. */
export function ViewTitle({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <>
      <title>{texts.titleOf(title)}</title>
      <Title order={1} size="h2">
        {title}
      </Title>
      {children}
    </>
  );
}
