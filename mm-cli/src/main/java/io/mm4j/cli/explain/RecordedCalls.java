// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.process.MmFields;
import io.mm4j.cli.explain.Explanation.Step;
import io.mm4j.cli.proc.MapsFile;
import io.mm4j.replay.CallWatcher;
import io.mm4j.replay.RunningProcess;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Explains the calls of a recording while they are made again. */
public final class RecordedCalls implements CallWatcher {
  private final long first;
  private final long last;
  private final Consumer<Explanation> reader;
  private List<Step> steps = new ArrayList<>();
  private List<String> mapsBefore = List.of();
  private @Nullable MmFields fieldsBefore;
  private @Nullable RunningProcess process;
  private String call = "";
  private boolean differs;

  /**
   * The calls of these numbers.
   *
   * @param reader receives each
   */
  public RecordedCalls(long first, long last, Consumer<Explanation> reader) {
    this.first = first;
    this.last = last;
    this.reader = reader;
  }

  /** Whether one of them gave something else here. */
  public boolean differs() {
    return differs;
  }

  @Override
  public boolean wants(long number) {
    return number >= first && number <= last;
  }

  @Override
  public void before(long number, String text, RunningProcess who) {
    call = "call " + number + ", process " + who.pid() + ": " + text.strip();
    process = who;
    steps = new ArrayList<>();
    List<Step> reasons = steps;
    mapsBefore = new MapsFile(List.of(who)).lines(who);
    fieldsBefore = who.mm().fields();
    who.mm().explainTo((topic, reason) -> reasons.add(new Step(topic, reason)));
  }

  @Override
  public void after(String recorded, String here, boolean ended) {
    RunningProcess who = process;
    MmFields old = fieldsBefore;
    if (who == null || old == null) {
      throw new IllegalStateException("no call was begun");
    }
    if (!ended) {
      who.mm().explainTo(null);
    }
    boolean known = !recorded.equals("?");
    boolean same = recorded.equals(here);
    differs |= known && !same;
    String errno = here.startsWith("-E") ? here.substring(1) : null;
    String result = errno == null ? here : "-1 " + errno + StateChange.meaning(errno);
    reader.accept(
        new Explanation(
            call,
            Map.of(),
            steps,
            result + (!known ? "" : same ? ", as in Linux" : "; Linux: " + recorded),
            errno,
            ended
                ? List.of()
                : StateChange.since(new MapsFile(List.of(who)), who, mapsBefore, old)));
  }
}
