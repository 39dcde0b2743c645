// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Subject;
import io.mm4j.testkit.Trial;
import java.util.List;

/**
 * A trial without operations: one check, which opens and closes what it looks at.
 *
 * @param check throws if the rule does not hold
 */
record OneCheck(Runnable check) implements Trial<OneCheck.Nothing> {
  /** Nothing is kept. */
  static final class Nothing extends Subject {
    @Override
    public void validate() {}
  }

  @Override
  public List<Operation<Nothing>> operations() {
    return List.of();
  }

  @Override
  public Nothing open() {
    return new Nothing();
  }

  @Override
  public void atEnd(Nothing nothing) {
    check.run();
  }
}
