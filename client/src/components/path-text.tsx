import { readable } from '../lib/names';
import classes from './path-text.module.css';

interface Props {
  path: string;
  encoding?: 'percent' | null;
  /** Cut at the end of the line, whole for who points at it. */
  oneLine?: boolean;
}

/** A path or name as it is: what is odd in it changes nothing around it. */
export function PathText({ path, encoding = null, oneLine = false }: Props) {
  const shown = path
    .split('/')
    .map((name) => readable(name, encoding))
    .join('/');
  return (
    <bdi className={oneLine ? `${classes.path} ${classes.oneLine}` : classes.path} title={oneLine ? shown : undefined}>
      {shown}
    </bdi>
  );
}
