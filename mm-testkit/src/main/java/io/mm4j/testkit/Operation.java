// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import java.util.List;
import org.apiguardian.api.API;

/**
 * One step of a generated list: a small value that does something to a {@link Subject}. Its {@code
 * toString()} is what a failure prints.
 *
 * <p>Shrinking deletes operations from a list, so one must make sense in whatever state it meets:
 * it says "free the third live block" (modulo how many there are) and not "free 0x1200", and does
 * nothing where there is nothing to do. It holds no state of its own.
 *
 * @param <S> what it acts on
 */
@API(status = API.Status.MAINTAINED)
public interface Operation<S extends Subject> {
  /**
   * Does the step, to the plugin and to the model.
   *
   * @throws RuleViolation if an answer of the plugin breaks the rule
   */
  void apply(S subject);

  /**
   * Operations to try in place of this one when a failing list is made smaller, simplest first.
   * Each must be nearer to some end: chains of simplification are followed until none fails.
   */
  default List<? extends Operation<S>> simpler() {
    return List.of();
  }
}
