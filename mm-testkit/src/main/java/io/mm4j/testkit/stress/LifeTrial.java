// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.stress;

import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Subject;
import io.mm4j.testkit.Trial;
import java.util.List;

/**
 * A trial of one operation that makes its instances itself.
 *
 * @param name what it is called in a report
 * @param lives throws if the rule does not hold
 */
public record LifeTrial(String name, Runnable lives) implements Trial<LifeTrial.Nobody> {
  /** Nothing that is open between operations. */
  public static final class Nobody extends Subject {
    @Override
    public void validate() {
      // the lives did
    }
  }

  @Override
  public List<Operation<Nobody>> operations() {
    return List.of(
        new Operation<>() {
          @Override
          public void apply(Nobody nobody) {
            lives.run();
          }

          @Override
          public String toString() {
            return name;
          }
        });
  }

  @Override
  public Nobody open() {
    return new Nobody();
  }
}
