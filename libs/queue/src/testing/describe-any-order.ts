import fc from 'fast-check';
import { newJob, type Opener, type QueueScene } from './queue-scene';

/** What holds whatever is asked of a queue, shown by things that are made up. */
export function describeAnyOrder(opened: Opener, close: () => Promise<void>, numRuns: number): void {
  it('holds its promises whatever happens in whatever order', async () => {
    const step = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({
          do: fc.constant('add' as const),
          user: fc.nat(3),
          count: fc.integer({ min: 1, max: 4 }),
        }),
      },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('end' as const), pick: fc.nat(20) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('withdraw' as const), pick: fc.nat(20) }) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.integer({ min: 1, max: 3 }),
        fc.nat(2),
        async (steps, places, limit) => {
          const scene = await opened(places, limit);
          const lines = new Map<string, number[]>();
          let number = 0;
          for (const one of steps) {
            if (one.do === 'add') {
              const user = `user-${one.user}`;
              const added = Array.from({ length: one.count }, () => (number += 1));
              lines.set(user, [...(lines.get(user) ?? []), ...added]);
              await scene.queue.add(added.map((job) => newJob(job, { user })));
            } else if (one.do === 'end') {
              const running = [...scene.under.keys()];
              if (running.length > 0) await scene.end(running[one.pick % running.length]!);
            } else {
              const waiting = [...lines.values()].flat().filter((job) => !scene.begun.includes(job));
              const chosen = waiting[one.pick % Math.max(1, waiting.length)];
              if (chosen !== undefined) {
                expect(await scene.queue.withdraw(newJob(chosen, { user: userOf(lines, chosen) }))).toBe(true);
                for (const [user, line] of lines)
                  lines.set(
                    user,
                    line.filter((job) => job !== chosen),
                  );
              }
            }
            await scene.settle();
            await expectPromises(scene, lines, places, limit);
          }
          await close();
        },
      ),
      { numRuns },
    );
  });
}

function userOf(lines: Map<string, number[]>, job: number): string {
  return [...lines].find(([, line]) => line.includes(job))![0];
}

/** What holds at each moment: nothing too much, each line in its order, and no place idle while somebody could begin. */
async function expectPromises(
  scene: QueueScene,
  lines: Map<string, number[]>,
  places: number,
  limit: number,
): Promise<void> {
  expect(scene.most).toBeLessThanOrEqual(places);
  if (limit > 0) expect(scene.mostOfOne).toBeLessThanOrEqual(limit);
  let waiting = 0;
  let couldBegin = 0;
  for (const [user, line] of lines) {
    const begun = scene.begun.filter((job) => line.includes(job));
    expect(begun).toEqual(line.slice(0, begun.length));
    const running = [...scene.under.values()].filter((work) => work.job.user === user).length;
    waiting += line.length - begun.length;
    if (line.length > begun.length && (limit === 0 || running < limit)) couldBegin += 1;
  }
  expect(await scene.counts()).toEqual([scene.under.size, waiting]);
  if (scene.under.size < places) expect(couldBegin).toBe(0);
}
