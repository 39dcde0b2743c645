// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import java.util.ArrayList;
import java.util.List;
import org.apiguardian.api.API;

/**
 * A plugin's instance under test together with the model that it is compared with. Made anew for
 * every run of a list of operations.
 */
@API(status = API.Status.MAINTAINED)
public abstract class Subject implements AutoCloseable {
  private boolean telling;
  private long calls;
  private final List<String> told = new ArrayList<>();

  /** Creates a subject that tells nothing. */
  protected Subject() {}

  /** Walks the plugin's structures: its own {@code validate()}. */
  public abstract void validate();

  /**
   * Counts a call that the plugin under test has answered. An operation that makes many calls says
   * so; one that says nothing counts as one.
   */
  protected final void called() {
    calls++;
  }

  final long calls() {
    return calls;
  }

  /** Whether somebody will read what {@link #tell} is told; only then is a message worth making. */
  public final boolean telling() {
    return telling;
  }

  /** Adds to the printed line of the operation that is running, e.g. what it resolved to. */
  public final void tell(String what) {
    if (telling) {
      told.add(what);
    }
  }

  /**
   * Does a step on a subject that is a part of this one, and tells what that one told.
   *
   * @param name which part it is
   */
  protected final void tellOf(String name, Subject part, Runnable step) {
    if (telling) {
      part.startTelling();
    }
    try {
      step.run();
    } finally {
      String all = part.takeTold();
      if (!all.isEmpty()) {
        tell(name + " " + all);
      }
    }
  }

  final void startTelling() {
    telling = true;
  }

  /** What was told, in order; what was told several times running stands there once. */
  final String takeTold() {
    List<String> all = new ArrayList<>();
    for (int from = 0, to; from < told.size(); from = to) {
      String what = told.get(from);
      for (to = from + 1; to < told.size() && told.get(to).equals(what); ) {
        to++;
      }
      all.add(to == from + 1 ? what : what + " (" + (to - from) + " times)");
    }
    told.clear();
    return String.join("; ", all);
  }

  /** Gives back what the instance holds. */
  @Override
  public void close() {}
}
