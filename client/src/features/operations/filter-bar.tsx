import { Button, Select, SimpleGrid, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconSearch, IconX } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import type { OperationFilter } from '../../api/operations';
import { useSession } from '../../session/session';
import { methodName, texts } from '../../texts/texts';
import { operationsTexts } from '../../texts/operations';

interface Props {
  filter: OperationFilter;
  isFiltered: boolean;
  change: (values: Partial<OperationFilter>, isTyping?: boolean) => void;
  clear: () => void;
}

const said = operationsTexts.filter;
const TYPED_AFTER_MS = 300;

/** Which operations are shown. */
export function FilterBar({ filter, isFiltered, change, clear }: Props) {
  const { config, state, isOperator } = useSession();
  const statuses = Object.entries(texts.status).map(([value, label]) => ({ value, label }));
  const methods = config.methods.map(({ name }) => ({ value: name, label: methodName(name) }));
  return (
    <SimpleGrid cols={{ base: 2, sm: 3, lg: 6 }} spacing="xs" verticalSpacing={6} role="search" aria-label={said.label}>
      <TypedField
        label={said.text}
        placeholder={said.textHint}
        value={filter.q}
        onChange={(q) => change({ q }, true)}
        icon
      />
      <ChoiceField
        label={said.status}
        data={statuses}
        value={filter.status}
        onChange={(status) => change({ status })}
      />
      <ChoiceField label={said.method} data={methods} value={filter.method} onChange={(method) => change({ method })} />
      {(state === 'none' || isOperator) && (
        <TypedField
          label={said.user}
          placeholder={said.any}
          value={filter.username}
          onChange={(username) => change({ username }, true)}
        />
      )}
      <TextInput
        label={said.from}
        type="datetime-local"
        value={filter.from}
        onChange={({ currentTarget }) => change({ from: currentTarget.value })}
      />
      <TextInput
        label={said.to}
        type="datetime-local"
        value={filter.to}
        onChange={({ currentTarget }) => change({ to: currentTarget.value })}
      />
      {isFiltered && (
        <Button
          variant="subtle"
          leftSection={<IconX size={16} aria-hidden />}
          onClick={clear}
          style={{ alignSelf: 'end' }}
        >
          {said.clear}
        </Button>
      )}
    </SimpleGrid>
  );
}

interface ChoiceProps {
  label: string;
  data: { value: string; label: string }[];
  value: string;
  onChange: (value: string) => void;
}

/** A field for one of several, or any. */
function ChoiceField({ label, data, value, onChange }: ChoiceProps) {
  return (
    <Select
      label={label}
      data={data}
      value={value || null}
      placeholder={said.any}
      clearable
      clearButtonProps={{ 'aria-label': said.anyOf(label) }}
      onChange={(chosen) => onChange(chosen ?? '')}
    />
  );
}

interface FieldProps {
  label: string;
  placeholder: string;
  value: string;
  onChange: (value: string) => void;
  icon?: boolean;
}

/** A field that tells what was typed when the typing pauses. */
function TypedField({ label, placeholder, value, onChange, icon = false }: FieldProps) {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  const tell = useDebouncedCallback(onChange, TYPED_AFTER_MS);
  return (
    <TextInput
      label={label}
      placeholder={placeholder}
      value={typed}
      leftSection={icon ? <IconSearch size={16} aria-hidden /> : undefined}
      onChange={({ currentTarget }) => {
        setTyped(currentTarget.value);
        tell(currentTarget.value);
      }}
    />
  );
}
