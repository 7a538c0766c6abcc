import { Button, Menu, Text } from '@mantine/core';
import { IconUser } from '@tabler/icons-react';
import { useSession } from '../../session/session';

/** Who is signed in, and the way in and out. Nothing where the site has no sign-in. */
export function Account() {
  const { state, username, isOperator, signIn, signOut } = useSession();
  if (state === 'none') return null;
  if (state === 'signed-out') {
    return (
      <Button size="sm" onClick={signIn}>
        Sign in
      </Button>
    );
  }
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <Button variant="default" size="sm" leftSection={<IconUser size={16} aria-hidden />}>
          {username ?? 'Signed in'}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text size="xs">{isOperator ? 'You are an operator of this site.' : 'You see what is yours.'}</Text>
        </Menu.Label>
        <Menu.Item onClick={signOut}>Sign out</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
