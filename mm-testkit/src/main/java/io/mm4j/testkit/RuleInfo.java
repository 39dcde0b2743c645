// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import org.apiguardian.api.API;

/**
 * What a rule says, in words; the table of docs/test-kit.md is made of these.
 *
 * @param id stable and unique, e.g. {@code FA-07}; never given to another rule
 * @param name a few words in lower case, joined by {@code -}
 * @param statement one sentence that is true of every correct plugin
 * @param why what goes wrong in a machine when it is not
 * @param behind the kernel function, kernel test or paper that the rule follows
 * @param failure what a failure usually means, for the author of the plugin
 */
@API(status = API.Status.MAINTAINED)
public record RuleInfo(
    String id, String name, String statement, String why, String behind, String failure) {
  /** Checks the spelling of id and name. */
  public RuleInfo {
    if (!id.matches("[A-Z]{2}-[A-Z]?[0-9]{2,3}") || !name.matches("[a-z0-9-]+")) {
      throw new IllegalArgumentException("rule is misnamed: id=" + id + " name=" + name);
    }
  }
}
