import { Button, Menu, Text } from '@mantine/core';
import { IconUser } from '@tabler/icons-react';
import { useSession } from '../../session/session';
import { sessionTexts } from '../../texts/session';

/** Who is signed in, and the way in and out. Nothing where the site has no sign-in. */
export function Account() {
  const { state, username, isOperator, signIn, signOut } = useSession();
  if (state === 'none') return null;
  if (state === 'signed-out') {
    return (
      <Button size="sm" onClick={signIn}>
        {sessionTexts.signIn}
      </Button>
    );
  }
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <Button variant="default" size="sm" leftSection={<IconUser size={16} aria-hidden />}>
          {username ?? sessionTexts.signedIn}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text size="xs">{isOperator ? sessionTexts.operator : sessionTexts.user}</Text>
        </Menu.Label>
        <Menu.Item onClick={signOut}>{sessionTexts.signOut}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
