import { Alert, AppShell, Burger, Group, Loader, NavLink, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import {
  IconActivity,
  IconApi,
  IconFileText,
  IconFilePlus,
  IconInfoCircle,
  IconPackageImport,
  IconServer2,
} from '@tabler/icons-react';
import { useEffect, useRef } from 'react';
import { Link, Outlet, useLocation } from 'react-router';
import { SERVICE_PATH } from '../../config/base';
import { useSession } from '../../session/session';
import { texts } from '../../texts/texts';
import { sessionTexts } from '../../texts/session';
import { Account } from './account';
import { Connection } from './connection';
import { Mark } from './mark';
import { SchemeSwitch } from './scheme-switch';
import classes from './shell.module.css';
import { SignedOut } from './signed-out';

const VIEWS = [
  { to: '/', label: texts.nav.stage, Icon: IconPackageImport, needs: null },
  { to: '/operations', label: texts.nav.operations, Icon: IconActivity, needs: null },
  { to: '/logs', label: texts.nav.logs, Icon: IconFileText, needs: 'operator' },
  { to: '/files', label: texts.nav.files, Icon: IconFilePlus, needs: 'files' },
  { to: '/site', label: texts.nav.site, Icon: IconServer2, needs: null },
] as const;

/** What is around every view: the way to the others, who is signed in, and whether the service answers. */
export function Shell() {
  const [isOpen, { toggle, close }] = useDisclosure();
  const { state, problem } = useSession();
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);
  const view = pathname.split('/')[1] ?? '';
  const isFirst = useRef(true);
  useEffect(() => {
    close();
    // Who reads by ear is told that the view changed; at the first one the browser does that itself.
    if (!isFirst.current) main.current?.focus();
    isFirst.current = false;
  }, [view, close]);

  return (
    <AppShell
      header={{ height: 60 }}
      navbar={{ width: 200, breakpoint: 'sm', collapsed: { mobile: !isOpen } }}
      padding={0}
      transitionDuration={120}
    >
      <a className={classes.skip} href="#content">
        {texts.nav.skip}
      </a>
      <Header isOpen={isOpen} toggle={toggle} />
      <Navigation view={view} />
      <AppShell.Main id="content" ref={main} tabIndex={-1} className={classes.view}>
        <Connection />
        {state === 'none' && (
          <Alert variant="light" color="gray" radius={0} py={6} icon={<IconInfoCircle size={18} aria-hidden />}>
            {texts.site.unknownUser}
          </Alert>
        )}
        <div className={classes.main}>
          <Content view={view} isSignedOut={state === 'signed-out'} problem={problem} />
        </div>
      </AppShell.Main>
    </AppShell>
  );
}

/** The view, or the way in for who is not signed in; what the site is like is told to all. */
function Content({ view, isSignedOut, problem }: { view: string; isSignedOut: boolean; problem: string | null }) {
  if (!isSignedOut || view === 'site') return <Outlet />;
  const isComingBack = view === 'signed-in' && problem === null;
  return isComingBack ? <Loader aria-label={sessionTexts.signingIn} /> : <SignedOut />;
}

function Header({ isOpen, toggle }: { isOpen: boolean; toggle: () => void }) {
  return (
    <AppShell.Header>
      <Group h="100%" px="md" justify="space-between" wrap="nowrap">
        <Group gap="sm" wrap="nowrap">
          <Burger
            opened={isOpen}
            onClick={toggle}
            hiddenFrom="sm"
            size="sm"
            aria-label={isOpen ? texts.nav.close : texts.nav.open}
            aria-expanded={isOpen}
          />
          <Link to="/" className={classes.brand}>
            <Mark />
            <Text fw={700} size="lg" component="span">
              {texts.name}
            </Text>
            <Text c="dimmed" size="sm" component="span" visibleFrom="md">
              {texts.claim}
            </Text>
          </Link>
        </Group>
        <Group gap="xs" wrap="nowrap">
          <Account />
          <SchemeSwitch />
        </Group>
      </Group>
    </AppShell.Header>
  );
}

function Navigation({ view }: { view: string }) {
  const { config, isOperator } = useSession();
  const views = VIEWS.filter(({ needs }) => {
    if (needs === 'operator') return isOperator;
    return needs === 'files' ? isOperator && config.file_creation_enabled : true;
  });
  return (
    <AppShell.Navbar p="xs" aria-label={texts.nav.label}>
      <Stack justify="space-between" h="100%">
        <ul className={classes.list}>
          {views.map(({ to, label, Icon }) => (
            <li key={to}>
              <NavLink
                component={Link}
                to={to}
                label={label}
                leftSection={<Icon size={18} aria-hidden />}
                active={`/${view}` === to}
                aria-current={`/${view}` === to ? 'page' : undefined}
              />
            </li>
          ))}
        </ul>
        <NavLink
          component="a"
          href={`${SERVICE_PATH}/docs`}
          label={texts.nav.docs}
          leftSection={<IconApi size={18} aria-hidden />}
        />
      </Stack>
    </AppShell.Navbar>
  );
}
