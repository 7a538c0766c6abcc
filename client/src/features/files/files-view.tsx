import { Alert, Button, Card, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { IconCheck } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { Link } from 'react-router';
import { createFile } from '../../api/storage';
import { ErrorState, ViewTitle } from '../../components/states';
import { formatBytes } from '../../lib/format';
import { useSession } from '../../session/session';
import { texts } from '../../texts/texts';
import { filesTexts } from '../../texts/files';

/** Most that a file may have (contract, section 4). */
const MAX_BYTES = 1024 ** 2;

/** Makes a small file on the storage, to try the service with. */
export function Component() {
  const { config } = useSession();
  const [filename, setFilename] = useState('');
  const [content, setContent] = useState('');
  const queries = useQueryClient();
  const create = useMutation({
    mutationFn: () => createFile(filename, content),
    onSuccess: () => void queries.invalidateQueries({ queryKey: ['directory'] }),
  });
  if (!config.file_creation_enabled) {
    return (
      <Stack gap="md">
        <ViewTitle title={texts.nav.files} />
        <Text>{filesTexts.off}</Text>
      </Stack>
    );
  }
  const bytes = new TextEncoder().encode(content).length;
  const isTooLarge = bytes > MAX_BYTES;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (filename !== '' && !isTooLarge && !create.isPending) create.mutate();
  };
  return (
    <Stack gap="md" maw={760}>
      <ViewTitle title={texts.nav.files} />
      <Text c="dimmed">{filesTexts.about}</Text>
      <Card withBorder component="form" onSubmit={submit}>
        <Stack gap="sm">
          <TextInput
            label={filesTexts.name}
            description={filesTexts.nameHint(config.storages[0]?.name ?? '')}
            placeholder={filesTexts.nameExample}
            value={filename}
            onChange={({ currentTarget }) => setFilename(currentTarget.value)}
            spellCheck={false}
            required
            withAsterisk={false}
          />
          <Textarea
            label={filesTexts.content}
            description={filesTexts.contentHint(formatBytes(bytes), formatBytes(MAX_BYTES))}
            value={content}
            onChange={({ currentTarget }) => setContent(currentTarget.value)}
            error={isTooLarge ? filesTexts.tooLarge : undefined}
            autosize
            minRows={6}
            maxRows={20}
            styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
          />
          <Button
            type="submit"
            loading={create.isPending}
            disabled={filename === '' || isTooLarge}
            style={{ alignSelf: 'start' }}
          >
            {filesTexts.create}
          </Button>
          {create.isSuccess && (
            <Alert
              color="teal"
              variant="light"
              icon={<IconCheck aria-hidden />}
              role="status"
              title={filesTexts.created}
            >
              <Text size="sm">{create.data.message}</Text>
              <Text size="sm" mt={4}>
                <Link to="/">{filesTexts.stage}</Link>
              </Text>
            </Alert>
          )}
          {create.error && <ErrorState error={create.error} title={filesTexts.failed} />}
        </Stack>
      </Card>
    </Stack>
  );
}
