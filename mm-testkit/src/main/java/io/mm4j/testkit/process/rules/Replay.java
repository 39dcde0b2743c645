// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.testkit.process.rules.Act.Answer;
import io.mm4j.testkit.process.rules.Act.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The same calls once more on a floor of their own, without a model. */
final class Replay {
  final ProcessFloor floor;
  final List<AddressSpace> processes = new ArrayList<>();
  private int played;

  Replay(SpaceSubject run, Supplier<ProcessFloor> floors) {
    floor = floors.get();
    processes.add(run.setup.create(floor, SpaceSetup.opens()));
  }

  /** Makes the calls of a history up to one, without those that were made here before. */
  Replay playTo(List<Act> history, int end) {
    while (played < end) {
      play(history.get(played));
    }
    return this;
  }

  /** Makes one call. */
  Answer play(Act act) {
    played++;
    AddressSpace mm = processes.get(act.process());
    if (act.kind() == Kind.EXIT) {
      processes.remove(act.process());
      mm.exit();
      return new Answer(0);
    }
    if (act.kind() != Kind.FORK) {
      return act.on(mm);
    }
    @Nullable AddressSpace child = mm.fork();
    if (child == null) {
      return new Answer(-Errno.ENOMEM);
    }
    processes.add(child);
    return new Answer(0);
  }

  /** How the process of a call looks now. */
  View view(Act act) {
    return View.of(processes.get(Math.min(act.process(), processes.size() - 1)));
  }
}
