// SPDX-License-Identifier: Apache-2.0

/** The rules of tasks. */
@NullMarked
package io.mm4j.testkit.task.rules;

import org.jspecify.annotations.NullMarked;
