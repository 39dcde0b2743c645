// SPDX-License-Identifier: Apache-2.0

/** What makes the command start fast; run once after a build. */
@NullMarked
package io.mm4j.cli.startup;

import org.jspecify.annotations.NullMarked;
