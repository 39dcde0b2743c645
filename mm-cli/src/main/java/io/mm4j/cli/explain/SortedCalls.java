// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.InputException;
import java.util.ArrayList;
import java.util.List;

/**
 * The calls that were typed for a process, without the pasted ones that nobody explains.
 *
 * @param calls those to be made, in order
 * @param passedOver the names of the pasted ones that are left out
 * @param ofTasks whether one of them is about tasks, so that the process becomes a task
 */
public record SortedCalls(List<CallScript.Typed> calls, List<String> passedOver, boolean ofTasks) {
  /** Copies the lists. */
  public SortedCalls {
    calls = List.copyOf(calls);
    passedOver = List.copyOf(passedOver);
  }

  /**
   * Sorts what was typed.
   *
   * @param typed not empty
   * @param recorded whether the processes are recorded ones, which are no tasks
   * @throws InputException if nothing is left
   */
  public static SortedCalls of(List<CallScript.Typed> typed, boolean recorded) {
    List<CallScript.Typed> calls = new ArrayList<>();
    List<String> passedOver = new ArrayList<>();
    boolean ofTasks = !recorded && typed.stream().anyMatch(SortedCalls::isOfTask);
    for (CallScript.Typed call : typed) {
      boolean known =
          CallExplainer.knows(call.name())
              || PageExplainer.knows(call.name())
              || (ofTasks && isOfTask(call));
      if (known || !call.pasted()) {
        calls.add(call);
      } else {
        passedOver.add(call.name());
      }
    }
    if (calls.isEmpty()) {
      CallExplainer.check(typed.getFirst().words());
    }
    return new SortedCalls(calls, passedOver, ofTasks);
  }

  /** Throws if a call is unknown, or has too few or too many arguments. */
  public void check() {
    for (CallScript.Typed call : calls) {
      if (PageExplainer.knows(call.name())) {
        PageExplainer.check(call.words(), null);
      } else if (ofTasks && isOfTask(call)) {
        TaskForms.check(call.words());
      } else if (isOfTask(call) && !CallExplainer.knows(call.name())) {
        throw new InputException(
            "'" + call.name() + "' is for tasks, and these processes are recorded ones",
            "mm explain " + String.join(" ", call.words()),
            "without --after and --maps");
      } else {
        CallExplainer.check(call.words());
      }
    }
  }

  private static boolean isOfTask(CallScript.Typed call) {
    return TaskForms.knows(call.words());
  }
}
