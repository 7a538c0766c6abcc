import { Anchor, Breadcrumbs, Text } from '@mantine/core';
import { lastName, type PathText, readable, stepsTo, TOP } from '../../lib/names';
import { browserTexts } from '../../texts/browser';

interface Props {
  top: string;
  path: PathText;
  onOpen: (path: PathText) => void;
}

/** The way from the top to a directory; each step of it can be gone back to. */
export function PathSteps({ top, path, onOpen }: Props) {
  const steps = [TOP, ...stepsTo(path)];
  const nameOf = (step: PathText) => (step.text === '' ? top : readable(lastName(step.text), step.encoding));
  return (
    <nav aria-label={browserTexts.directory}>
      <Breadcrumbs separatorMargin={4} style={{ flexWrap: 'wrap' }}>
        {steps.map((step, index) =>
          index === steps.length - 1 ? (
            <Text key={step.text} size="sm" fw={600} aria-current="location" style={{ overflowWrap: 'anywhere' }}>
              <bdi>{nameOf(step)}</bdi>
            </Text>
          ) : (
            <Anchor key={step.text} component="button" type="button" size="sm" onClick={() => onOpen(step)}>
              <bdi>{nameOf(step)}</bdi>
            </Anchor>
          ),
        )}
      </Breadcrumbs>
    </nav>
  );
}
