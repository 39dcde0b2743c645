// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import java.util.List;
import org.apiguardian.api.API;

/**
 * One run of a rule: a list of operations, a way to make the subject that they are applied to, and
 * what must be true after each. Everything follows from the plugin and a seed, so that the same
 * trial can be run again with fewer operations.
 *
 * @param <S> what the operations act on
 */
@API(status = API.Status.MAINTAINED)
public interface Trial<S extends Subject> {
  /** The operations, as generated. */
  List<Operation<S>> operations();

  /** A fresh subject; its state depends on the seed only. */
  S open();

  /** One line about the subject, for the report: the zone, the machine. */
  default String setup() {
    return "";
  }

  /**
   * Must be true after every operation.
   *
   * @throws RuleViolation if it is not
   */
  default void afterStep(S subject) {}

  /**
   * Must be true at the end.
   *
   * @throws RuleViolation if it is not
   */
  default void atEnd(S subject) {}

  /** {@link Subject#validate()} runs after every so many operations, and always at the end. */
  default int validateEvery() {
    return 1;
  }
}
