/**
 * What could not be loaded is said in its place; the rest of the page stays, with whatever was typed into it.
 *
 * The surprise: trying again is loading the page anew. A server that was brought to a newer version no longer has the files of the older one.
 */
import { Component, type ReactNode } from 'react';
import { useSpeech } from '../words/speech.tsx';

interface BoundaryProps {
  readonly children: ReactNode;
  readonly fallback: ReactNode;
  readonly onFail?: () => void;
}

export class Boundary extends Component<BoundaryProps, { readonly failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override componentDidCatch() {
    this.props.onFail?.();
  }

  override render() {
    return this.state.failed ? this.props.fallback : this.props.children;
  }
}

export function NotLoaded({ close }: { readonly close?: () => void }) {
  const { words } = useSpeech();
  return (
    <div className={close === undefined ? 'fault' : 'fault floating'} role="alert">
      <span>{words.common.notLoaded}</span>
      <span className="row">
        <button type="button" className="button" onClick={() => window.location.reload()}>
          {words.common.reload}
        </button>
        {close !== undefined && (
          <button type="button" className="button" onClick={close}>
            {words.common.close}
          </button>
        )}
      </span>
    </div>
  );
}
