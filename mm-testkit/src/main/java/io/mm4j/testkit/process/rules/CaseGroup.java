// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.function.Consumer;

/**
 * Cases that are there for one reason and that one kind of mistake breaks.
 *
 * @param why they are there
 * @param failure what breaks them
 * @param setup what is different from the usual setup in most of them
 */
record CaseGroup(String why, String failure, Consumer<CaseSetup> setup) {
  /** Cases of which most begin with the usual setup. */
  CaseGroup(String why, String failure) {
    this(why, failure, setup -> {});
  }

  /** A case on an empty process as most have it. */
  CaseRule rule(String id, String name, String statement, String behind, Consumer<Rig> body) {
    return rule(id, name, statement, behind, setup, body);
  }

  /**
   * A case on an empty process of its own.
   *
   * @param change what is different from the usual setup
   */
  CaseRule rule(
      String id,
      String name,
      String statement,
      String behind,
      Consumer<CaseSetup> change,
      Consumer<Rig> body) {
    return new CaseRule(
        new RuleInfo(id, name, statement, why, behind, failure),
        () -> {
          CaseSetup own = new CaseSetup();
          change.accept(own);
          return own;
        },
        body);
  }
}
