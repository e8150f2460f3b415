/** The frame of every page behind the sign-in: the rail, and whether what is shown is live. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { NavLink, Outlet, useLocation, useNavigate } from 'react-router';
import { api } from '../data/api.ts';
import { useLive } from '../data/live.ts';
import { useSpeech } from '../words/speech.tsx';
import { Boundary, NotLoaded } from './boundary.tsx';
import { CommandsProvider, useCommands, useShowSearch } from './commands/commands.tsx';

export function Frame() {
  const { words } = useSpeech();
  const lost = useLive();
  const { pathname } = useLocation();
  return (
    <CommandsProvider>
      <div className="frame">
        <a className="skip" href="#content">
          {words.skip}
        </a>
        <Rail />
        <main id="content" className="page">
          {lost && (
            <p className="lost" role="status">
              {words.common.connectionLost}
            </p>
          )}
          {/* Another page is another try. */}
          <Boundary key={pathname} fallback={<NotLoaded />}>
            <Outlet />
          </Boundary>
        </main>
      </div>
    </CommandsProvider>
  );
}

/** On a phone the first ones stand in the bar, the others unfold. */
const PAGES = [
  ['now', '/'],
  ['cases', '/cases'],
  ['activity', '/activity'],
  ['map', '/map'],
  ['inventory', '/inventory'],
  ['capacity', '/capacity'],
  ['onCall', '/on-call'],
  ['exemptions', '/exemptions'],
  ['insights', '/insights'],
  ['settings', '/settings'],
] as const;
const FIRST = 2;

function Rail() {
  const { words } = useSpeech();
  const [isUnfolded, setUnfolded] = useState(false);
  const { pathname } = useLocation();
  useEffect(() => setUnfolded(false), [pathname]);
  const client = useQueryClient();
  const navigate = useNavigate();
  const session = useQuery({ queryKey: ['session'], queryFn: api.session });
  const search = useShowSearch();
  useCommands(PAGES.map(([name, path]) => ({ name: words.nav[name], run: () => void navigate(path), isPage: true })));
  const signOut = async () => {
    await api.signOut().catch(() => undefined);
    client.clear();
    await navigate('/sign-in');
  };
  const link = ([name, path]: (typeof PAGES)[number]) => (
    <NavLink key={path} to={path} end={path === '/'}>
      {words.nav[name]}
    </NavLink>
  );
  return (
    <nav className="rail" aria-label={words.product}>
      <div className="brand">
        <Mark />
        <span>{words.product}</span>
      </div>
      <button type="button" className="find" onClick={search}>
        {words.commands.find} <kbd>/</kbd>
      </button>
      {PAGES.slice(0, FIRST).map(link)}
      <button
        type="button"
        className="menu"
        aria-expanded={isUnfolded}
        aria-controls="pages"
        onClick={() => setUnfolded(!isUnfolded)}
      >
        {words.nav.menu}
      </button>
      <div className="pages" id="pages" data-unfolded={isUnfolded}>
        {PAGES.slice(FIRST).map(link)}
        <div className="foot">
          <span className="me">{session.data?.person?.name}</span>
          <button type="button" onClick={() => void signOut()}>
            {words.nav.signOut}
          </button>
        </div>
      </div>
    </nav>
  );
}

export function Mark() {
  return (
    <svg viewBox="0 0 18 18" aria-hidden="true">
      <path d="M9 1 16 4v5c0 4-3 6.800-7 8-4-1.200-7-4-7-8V4Z" fill="none" stroke="currentColor" strokeWidth="1.6" />
      <path d="M5.600 9.200 8 11.600 12.600 6.400" fill="none" stroke="currentColor" strokeWidth="1.6" />
    </svg>
  );
}
